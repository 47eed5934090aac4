import { spawnSync } from 'node:child_process';
import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';

const root = join(import.meta.dirname, '..');

/** The name of the product in this repository, however it is written. Not in "meshOptions", where it is no word. */
const product = /shop|Shop|SHOP/;

/** The files of a folder that are in git. */
function filesBelow(folder: string): readonly string[] {
  const args = ['ls-files', '-z', folder];
  const { stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 });
  return stdout
    .split('\0')
    .filter((file) => file !== '' && lstatSync(join(root, file), { throwIfNoEntry: false })?.isFile());
}

test('nothing below packages/ knows the shop, except create-weft, which copies it', (t) => {
  const files = filesBelow('packages').filter((file) => !file.startsWith('packages/create-weft/'));
  t.true(files.length > 500, 'the files are found');
  t.deepEqual(
    files.filter((file) => product.test(file)),
    [],
    'in the path',
  );
  const found = files.flatMap((file) => {
    const lines = readFileSync(join(root, file), 'latin1').split('\n');
    return lines.flatMap((line, index) =>
      product.test(line) ? [`${file}:${index + 1}: ${line.trim().slice(0, 120)}`] : [],
    );
  });
  t.deepEqual(found, [], 'the tests of packages have an example of their own: packages/test-contracts, a bakery');
});
