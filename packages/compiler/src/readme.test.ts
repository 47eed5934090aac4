import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';

const example = join(import.meta.dirname, 'example.fixture.ts');

test('README: the example is the one that runs here, and prints what it says', async (t) => {
  const readme = await readFile(join(import.meta.dirname, '../README.md'), 'utf8');
  const block = (language: string) => readme.split(`\`\`\`${language}\n`)[1]?.split('```')[0];
  t.is(block('ts'), await readFile(example, 'utf8'));
  const { stdout } = await promisify(execFile)(process.execPath, [example]);
  t.is(block('text'), stdout);
});
