/** Runs the benchmarks of bench/, or the one that is named, one after the other. */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const dir = join(import.meta.dirname, '../bench');
// A benchmark prints a ratio; what only helps one does not.
const names = globSync('*.ts', { cwd: dir })
  .filter((file) => /ratio /.test(readFileSync(join(dir, file), 'utf8')))
  .map((file) => basename(file, '.ts'))
  .sort();
const [wanted] = process.argv.slice(2);
if (wanted !== undefined && !existsSync(join(dir, `${wanted}.ts`))) {
  console.error(`There is no bench/${wanted}.ts; there are ${names.join(', ')}.`);
  process.exit(1);
}
for (const name of wanted === undefined ? names : [wanted]) {
  console.log(`bench ${name}`);
  const { status } = spawnSync(process.execPath, [join(dir, `${name}.ts`)], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = status ?? 1;
}
