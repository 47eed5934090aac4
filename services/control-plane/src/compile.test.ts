import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { compile } from './compile.ts';
import { goldenNames, goldens } from './goldens.fixture.ts';

// Every translation is a pair: a mesh directory and what it gives. UPDATE_GOLDENS=1 writes the outputs anew; read the diff.
for (const name of goldenNames()) {
  test(`compile: ${name}`, async (t) => {
    const directory = join(goldens, name);
    const output = join(directory, 'out.json');
    const compiled = `${JSON.stringify(await compile({ directory }), undefined, 1)}\n`;
    if (process.env.UPDATE_GOLDENS) writeFileSync(output, compiled);
    t.deepEqual(JSON.parse(compiled), JSON.parse(readFileSync(output, 'utf8')));
  });
}

test('compile: one proxy by its name', async (t) => {
  const { proxies } = await compile({ directory: join(goldens, 'caller-and-callee'), proxy: 'oven-0' });
  t.deepEqual(Object.keys(proxies), ['bakery/oven-0']);
});

test('compile: a proxy that is nowhere gives none', async (t) => {
  const { proxies } = await compile({ directory: join(goldens, 'caller-and-callee'), proxy: 'bakery/cellar-0' });
  t.deepEqual(proxies, {});
});
