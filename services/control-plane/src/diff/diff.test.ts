import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { goldenFiles } from '../goldens.fixture.ts';
import { buildChange, changeNames, changes } from './changes.fixture.ts';
import { diff } from './diff.ts';
import { diffText } from './diff-text.ts';

// Every recorded change is two trees of contracts and what the diff says. UPDATE_GOLDENS=1 writes it anew; read it.
for (const name of changeNames()) {
  test(`diff: ${name}`, (t) => {
    const golden = join(changes, name, 'diff.txt');
    const [before, after] = ['old', 'new'].map((side) => ({ descriptorSet: buildChange(`${name}/${side}`) }));
    if (!before || !after) return t.fail();
    const { diff: found, problems } = diff(before, after, 0);
    const text = `${diffText(found)}\n`;
    if (process.env.UPDATE_GOLDENS) writeFileSync(golden, text);
    t.deepEqual(problems, []);
    t.is(text, readFileSync(golden, 'utf8'));
    t.is(diffText(diff(before, before, 0).diff), '');
  });
}

test('diff: mesh directories', (t) => {
  const files = (name: string) => ({ files: goldenFiles(name) });
  t.is(diffText(diff(files('versions-old'), files('versions-old'), 0).diff), '');
  const text = diffText(diff(files('versions-old'), files('versions-new'), 0).diff);
  t.regex(text, /edge -> bakery\.bread\.v1\.BreadService\/\w+\n {2}/);
});

test('diff: a contract that breaks keeps its old form, and is named', (t) => {
  const before = { files: goldenFiles('caller-and-callee') };
  const contract = [...before.files.keys()].find((path) => path.endsWith('bakery.bread.now.binpb')) ?? '';
  const after = { files: new Map([...before.files, [contract, Buffer.from('no contract')]]) };
  const { problems } = diff(before, after, 0);
  t.true(problems.some(({ resource }) => resource === contract));
});
