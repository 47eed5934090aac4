import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { Command } from 'commander';
import { program } from '../packages/cli/src/program.ts';
import { helpExamples } from './documentation/help-examples.ts';
import { type DocumentedCommand, documentedCommands } from './documented-commands.ts';

const root = join(import.meta.dirname, '..');
const files = globSync(
  ['*.md', 'docs/**/*.md', '{packages,services,charts}/*/README.md', '{k8s,tests/cluster}/README.md'],
  {
    cwd: root,
  },
);
const makefile = readFileSync(join(root, 'Makefile'), 'utf8');
const targets = new Set([...makefile.matchAll(/^([a-z][a-z -]*):/gm)].flatMap(([, names = '']) => names.split(' ')));

const weft = await program();

/** Commands that are documented before they are there. */
const announced: ReadonlySet<string> = new Set(['dev', 'restart', 'run']);

/** What a command says that does not exist; undefined: all of it exists. */
function unknownIn({ program: name, args }: DocumentedCommand): string | undefined {
  return name === 'make' ? unknownToMake(args) : unknownToWeft(args);
}

function unknownToMake(args: readonly string[]): string | undefined {
  for (const arg of args) {
    const variable = /^([A-Z_]+)=/.exec(arg)?.[1];
    if (variable === undefined ? !targets.has(arg) : !new RegExp(`\\b${variable}\\b`).test(makefile)) return arg;
  }
  return undefined;
}

function unknownToWeft(args: readonly string[]): string | undefined {
  let command: Command = weft;
  for (const arg of args) {
    // What follows is another program's.
    if (arg === '--') return undefined;
    if (arg.startsWith('-') && arg !== '-') {
      const option = arg.split('=')[0] ?? arg;
      if (!optionsOf(command).has(option)) return option;
    } else if (command.commands.length > 0) {
      const below = command.commands.find((each) => each.name() === arg || each.aliases().includes(arg));
      if (below === undefined) return announced.has(arg) ? undefined : arg;
      command = below;
    }
  }
  return undefined;
}

function optionsOf(command: Command): ReadonlySet<string | undefined> {
  return new Set(['--help', '-h', ...command.options.flatMap(({ long, short }) => [long, short])]);
}

test('every command and option in the documentation exists', (t) => {
  const found = files.flatMap((file) =>
    documentedCommands(readFileSync(join(root, file), 'utf8')).map((command) => ({ file, command })),
  );
  t.true(found.length > 100, 'commands are found');
  t.deepEqual(
    found.flatMap(({ file, command }) => {
      const unknown = unknownIn(command);
      return unknown === undefined ? [] : [`${file}:${command.line}: there is no ${unknown}: ${command.text}`];
    }),
    [],
  );
});

test('every command and option in the help exists', (t) => {
  const found = helpExamples(weft).flatMap((example) => documentedCommands(`\`${example}\``));
  t.true(found.length > 8, 'commands are found');
  t.deepEqual(
    found.flatMap((command) => unknownIn(command) ?? []),
    [],
  );
});

test('every command has its line in the README of the command line', (t) => {
  const text = readFileSync(join(root, 'packages/cli/README.md'), 'utf8');
  const below = (command: Command, name: string): readonly string[] =>
    command.commands.length === 0 ? [name] : command.commands.flatMap((each) => below(each, `${name} ${each.name()}`));
  t.deepEqual(
    below(weft, 'weft').filter((name) => !new RegExp(`${name}(?![\\w-])`).test(text)),
    [],
  );
});

test('every target of the Makefile is one that `make help` lists', (t) => {
  const listed = new Set([...makefile.matchAll(/^([a-z][a-z-]*):[^\n]*##/gm)].map(([, name]) => name));
  t.deepEqual(
    [...targets].filter((name) => !listed.has(name)),
    ['kind-ready', 'cluster-ready'],
  );
});

test('found: a command, an option, a target and a variable that do not exist', (t) => {
  const markdown = [
    'Text `weft up`, `weft upp`, `npx weft status --jsn`, `weft logs a -f --since=5m`, `make upp`, and weft upp.',
    '',
    '    $ WEFT_PORT=1 npx weft scale a=1 --x | grep --y   # --z',
    '    make up DETATCH=1',
    '```sh',
    'weft override --list --al',
    '```',
    '`weft override a.b --why "it --breaks"`, `weft --version`, `weft ...`, `weft stop postgres -- --x`',
  ].join('\n');
  t.deepEqual(
    documentedCommands(markdown).map((command) => [command.line, unknownIn(command)]),
    [
      [1, undefined],
      [1, 'upp'],
      [1, '--jsn'],
      [1, undefined],
      [1, 'upp'],
      [3, '--x'],
      [4, 'DETATCH=1'],
      [6, '--al'],
      [8, undefined],
      [8, undefined],
      [8, undefined],
      [8, undefined],
    ],
  );
});
