import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CommandError } from '../command-error.ts';
import { program } from '../program.ts';

/** Arguments for the commands that need some; the first of its choices, or "x", stands for every other that is required. */
const argumentsOf: Readonly<Record<string, readonly string[]>> = {
  scale: ['orders=2'],
  stop: ['control-plane'],
  start: ['control-plane'],
  compile: ['--mesh', '.weft/mesh'],
  why: ['bakery.orders', 'bakery.bread.v1.BreadService/GetBread'],
  override: ['bakery.bread', '--no-retry', '--why', 'x'],
  revert: ['--clear'],
  diff: ['main', '.'],
};

/** The commands that ask a mesh. */
const asking = ['status', 'check', 'rotate-root', 'scale', 'logs', 'override', 'history', 'why', 'revert'];

const home = process.cwd();
const directory = mkdtempSync(join(tmpdir(), 'weft-no-mesh-'));
mkdirSync(join(directory, 'empty'));
mkdirSync(join(directory, 'project/proto'), { recursive: true });
mkdirSync(join(directory, 'project/services'));
test.after.always(() => {
  process.chdir(home);
  rmSync(directory, { recursive: true });
});

/** The commands that are about a mesh or its contracts; not those that start one, or that write and test services. */
async function commands(): Promise<readonly string[]> {
  const offline = ['compile', 'lint', 'diff'];
  const starting = ['up', 'dev', 'run'];
  return (await program()).commands
    .filter(({ options }) => options.some(({ long }) => long === '--state'))
    .map((command) => command.name())
    .filter((name) => !starting.includes(name))
    .concat(offline);
}

/** The sentence that a command ends with in a directory; undefined: it does not fail. */
async function sentence(t: ExecutionContext, where: string, name: string): Promise<string | undefined> {
  const weft = await program();
  const command = weft.commands.find((each) => each.name() === name);
  const required =
    command?.registeredArguments
      .filter((argument) => argument.required)
      .map(({ argChoices }) => argChoices?.[0] ?? 'x') ?? [];
  process.chdir(join(directory, where));
  const shown = console.log;
  console.log = () => {};
  const write = process.stdout.write;
  process.stdout.write = () => true;
  try {
    await weft.parseAsync([name, ...(argumentsOf[name] ?? required)], { from: 'user' });
    return undefined;
  } catch (error) {
    t.true(error instanceof CommandError, `${name} in ${where}: ${String(error)}`);
    return error instanceof Error ? error.message : String(error);
  } finally {
    console.log = shown;
    process.stdout.write = write;
  }
}

for (const where of ['empty', 'project']) {
  test.serial(`no command shows an error of the system where no mesh is running: ${where}`, async (t) => {
    for (const name of await commands()) {
      const words = (await sentence(t, where, name)) ?? '';
      t.notRegex(words, /ENOENT|ECONN|\n/, name);
    }
  });
}

test.serial('a command that asks a mesh says how to start one', async (t) => {
  for (const name of asking) {
    t.is(await sentence(t, 'project', name), 'No mesh is running here; start it with `weft up`.', name);
    t.regex((await sentence(t, 'empty', name)) ?? '', /^There is no Weft project in .*; /, name);
  }
});
