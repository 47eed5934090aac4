import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { parseAnswers } from '../packages/cli/src/fake/answers.ts';
import { fakeContract } from '../packages/cli/src/fake/fake-contract.ts';
import { clusterProblem, noClusterTools, valuesProblem } from './documentation/cluster-commands.ts';
import { codeBlocks } from './documentation/code-block.ts';
import { markProblem } from './documentation/marks.ts';
import { readPages } from './documentation/pages.ts';
import { compileProtos, lintWith } from './documentation/proto-blocks.ts';
import { outputDifference } from './documentation/shown-output.ts';
import { type PlacedBlock, typeErrors } from './documentation/typescript-blocks.ts';
import { yamlProblem } from './documentation/yaml-blocks.ts';

const root = join(import.meta.dirname, '..');
const pages = readPages();
const blocks: readonly PlacedBlock[] = pages.flatMap(({ path, blocks }) =>
  blocks.map((block) => ({ ...block, place: `${path}:${block.line}` })),
);
/** For tools that take a few seconds, on a machine that does other things, too. */
const toolsMs = 180_000;
const missingTools = await noClusterTools();
/** A test that needs helm and kubectl; skipped, with the reason in its title, where one is missing. */
const clusterTest = missingTools === undefined ? test : test.skip;

/** The blocks that are checked as something, with what that is. */
function checkedAs(what: RegExp): readonly (PlacedBlock & { readonly what: string; readonly text: string })[] {
  return blocks.flatMap((block) =>
    block.mark?.kind === 'checked as' && what.test(block.mark.what)
      ? [{ ...block, what: block.mark.what, text: block.lines.join('\n') }]
      : [],
  );
}

test('every code block says what checks it, or why nothing can', (t) => {
  t.true(blocks.length > 100, 'blocks are found');
  t.deepEqual(
    blocks.flatMap(({ place, mark }) => {
      const problem = markProblem(mark, place.replace(/:\d+$/, ''));
      return problem === undefined ? [] : [`${place}: ${problem}`];
    }),
    [],
  );
  // A mark that nothing follows has lost its block.
  const stray = pages.flatMap(({ path, strayMarks }) =>
    strayMarks.flatMap((mark) => (markProblem(mark, path) === undefined ? [`${path}:${mark.line}`] : [])),
  );
  t.deepEqual(stray, []);
});

test('an excerpt is in the file that it names', (t) => {
  for (const { place, lines, mark } of blocks.filter(({ mark }) => mark?.kind === 'excerpt of')) {
    const text = readFileSync(join(root, mark?.what ?? ''), 'utf8');
    t.true(text.includes(`${lines.join('\n')}\n`), place);
  }
});

test('TypeScript: tsc takes each block', async (t) => {
  t.timeout(toolsMs);
  const found = checkedAs(/^ts$/);
  t.true(found.length >= 9, `${found.length} blocks`);
  t.is(await typeErrors(found), '');
});

test('contracts: buf compiles each block, and the answers of fakes fit theirs', async (t) => {
  t.timeout(toolsMs);
  const protos = checkedAs(/^proto$/);
  const answers = checkedAs(/^answers of a fake$/);
  const hidden = answers.map(({ mark }) => mark?.hidden.join('\n') ?? '');
  const set = await compileProtos([...protos.map(({ text }) => text), ...hidden]);
  for (const [index, { place, text }] of answers.entries()) {
    const contract = fakeContract(set, /^package (\S+)\.v1;/.exec(hidden[index] ?? '')?.[1] ?? '');
    t.notThrows(() => parseAnswers(text, place, contract), place);
  }
  for (const { text, place } of checkedAs(/^buf\.yaml$/)) await t.notThrowsAsync(lintWith(text), place);
});

test('manifests, project files and weft.yaml: each block is a valid one', (t) => {
  for (const { place, what, text } of checkedAs(/^(?:weft(?:\.project)?\.yaml|manifests|spec of \w+)$/))
    t.is(yamlProblem(what, text), undefined, place);
});

test("npm's commands name scripts of the page's package", (t) => {
  for (const { place, lines } of checkedAs(/^npm scripts$/)) {
    const { scripts } = JSON.parse(readFileSync(join(root, dirname(place), 'package.json'), 'utf8'));
    for (const line of lines) {
      const name = /^npm (?:run )?(\w+)/.exec(line)?.[1] ?? line;
      t.true(Object.hasOwn(scripts, name), `${place}: ${name}`);
    }
  }
});

clusterTest(
  `charts and kubectl: each block is taken, without a cluster${missingTools ? ` (${missingTools})` : ''}`,
  async (t) => {
    t.timeout(toolsMs);
    for (const { place, what, text, mark } of checkedAs(/^values of /)) {
      const chart = what.replace('values of ', '');
      t.is(await valuesProblem(chart, text, mark?.hidden.join('\n') ?? ''), undefined, place);
    }
    for (const block of checkedAs(/^cluster commands$/)) t.is(await clusterProblem(block), undefined, block.place);
  },
);

test('found: blocks of each form with their marks, and marks without a block', (t) => {
  const { blocks, strayMarks } = codeBlocks(
    [
      '<!-- not run: a picture -->',
      '',
      '    a -> b',
      '',
      '      c',
      '- an item',
      '',
      '    goes on here',
      '',
      '      code in an item',
      '',
      'Text',
      '    that goes on',
      '<!-- checked as: ts',
      'hidden',
      '',
      '...',
      '-->',
      '```ts',
      '    <!-- run by: x -->',
      '```',
      '<!-- run by: y -->',
      'Text',
      '~~~~',
      '```',
      '~~~~',
    ].join('\n'),
  );
  t.deepEqual(
    blocks.map(({ line, language, lines, mark }) => [line, language, lines, mark?.kind, mark?.what, mark?.hidden]),
    [
      [3, '', ['a -> b', '', '  c'], 'not run', 'a picture', []],
      [10, '', ['code in an item'], undefined, undefined, undefined],
      [20, 'ts', ['    <!-- run by: x -->'], 'checked as', 'ts', ['hidden', '', '...']],
      [25, '', ['```'], undefined, undefined, undefined],
    ],
  );
  t.deepEqual(strayMarks, [{ line: 22, kind: 'run by', what: 'y', hidden: [] }]);
});

test('refused: a block without a mark, an unknown mark, a test that does not read the page, a reason that is none', (t) => {
  const problems = [
    [undefined, /has no mark/],
    [{ kind: 'ran by', what: 'x', hidden: [] }, /"ran by" is no mark/],
    [{ kind: 'run by', what: 'tests/none.test.ts', hidden: [] }, /there is no tests\/none\.test\.ts/],
    [
      { kind: 'run by', what: 'tests/e2e/up.test.ts', hidden: [] },
      /tests\/e2e\/up\.test\.ts does not mention README\.md/,
    ],
    [{ kind: 'checked as', what: 'tss', hidden: [] }, /nothing checks a block as tss/],
    [{ kind: 'excerpt of', what: 'none.ts', hidden: [] }, /there is no none\.ts/],
    [{ kind: 'not run', what: '', hidden: [] }, /say why/],
  ] as const;
  for (const [mark, message] of problems) t.regex(markProblem(mark, 'README.md') ?? '', message);
  t.true(existsSync(join(root, 'README.md')));
});

test('output agrees apart from times, ports and ids, and an id is the same wherever the page has it', (t) => {
  const shown = ['at 2026-11-22 12:52:07  1a2b3c4d5e6f on 127.0.0.1:8080 in 0.7 s, ...', '...', 'again 1a2b3c4d5e6f'];
  const printed = (again: string) => [
    'at 2027-01-01 00:00:00 ffee00112233 on 127.0.0.1:20001 in 12.1 s, all of it',
    '',
    'x',
    again,
  ];
  const ids = new Map<string, string>();
  t.is(outputDifference(shown, printed('again ffee00112233'), ids), undefined);
  t.is(ids.get('1a2b3c4d5e6f'), 'ffee00112233');
  t.regex(outputDifference(shown, printed('again ffee00112234'), new Map()) ?? '', /shows "again/);
  t.regex(outputDifference(['a'], ['a', 'b'], new Map()) ?? '', /does not show "b"/);
  t.regex(outputDifference(['a', 'b'], ['a'], new Map()) ?? '', /shows "b" and "nothing"/);
});
