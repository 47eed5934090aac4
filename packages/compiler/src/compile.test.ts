import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { compileFiles } from './compile.ts';
import { goldenFiles, goldenNames, goldens } from './goldens.fixture.ts';

// Every translation is a pair: a mesh directory and what it gives. UPDATE_GOLDENS=1 writes the outputs anew; read the diff.
for (const name of goldenNames()) {
  test(`compile: ${name}`, (t) => {
    const output = join(goldens, name, 'out.json');
    const compiled = `${JSON.stringify(compileFiles(goldenFiles(name), undefined, Date.now()), undefined, 1)}\n`;
    if (process.env.UPDATE_GOLDENS) writeFileSync(output, compiled);
    t.deepEqual(JSON.parse(compiled), JSON.parse(readFileSync(output, 'utf8')));
  });
}

test('compile: one proxy by its name', (t) => {
  const { proxies } = compileFiles(goldenFiles('caller-and-callee'), 'oven-0');
  t.deepEqual(Object.keys(proxies), ['bakery/oven-0']);
});

test('compile: a proxy that is nowhere gives none', (t) => {
  const { proxies } = compileFiles(goldenFiles('caller-and-callee'), 'bakery/cellar-0');
  t.deepEqual(proxies, {});
});
