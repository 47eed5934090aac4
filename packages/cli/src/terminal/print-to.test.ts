import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';

/** Runs a process whose output is appended to a file, and which prints 1000 lines of 10 bytes to `printed`, of at most 3000 bytes. */
function print(t: ExecutionContext, printed?: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'weft-print-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'up.log');
  const program = `
    const { printTo } = await import(process.argv[1]);
    const print = printTo(process.stdout, process.argv[2], 3000);
    for (let line = 0; line < 1000; line++) print('line ' + String(line).padStart(4, '0'));
  `;
  const output = openSync(file, 'a');
  const args = ['--input-type=module', '-e', program, join(import.meta.dirname, 'print-to.ts'), printed ?? file];
  execFileSync(process.execPath, args, { stdio: ['ignore', output, 'inherit'] });
  closeSync(output);
  return file;
}

test('the file of a detached mesh is rotated, and no line is lost or torn', (t) => {
  const file = print(t);
  t.true(statSync(file).size <= 3000);
  t.true(statSync(`${file}.1`).size <= 3000);
  const lines = `${readFileSync(`${file}.1`, 'utf8')}${readFileSync(file, 'utf8')}`.trim().split('\n');
  const first = 1000 - lines.length;
  t.deepEqual(
    lines,
    lines.map((_, index) => `line ${String(first + index).padStart(4, '0')}`),
  );
});

test('output to anything else is left alone', (t) => {
  const file = print(t, '/nowhere/up.log');
  t.is(statSync(file).size, 10_000);
  t.false(existsSync(`${file}.1`));
});
