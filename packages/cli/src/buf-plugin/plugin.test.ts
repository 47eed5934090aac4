import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { plugin } from './plugin.ts';

const root = join(import.meta.dirname, '../../../..');
const bakery = join(root, 'packages/test-contracts/proto/bakery');

test('speaks pluginrpc', async (t) => {
  t.is(await plugin(['--protocol'], new Uint8Array()), '1\n');
  const spec = Buffer.from(await plugin(['--spec', '--format', 'binary'], new Uint8Array())).toString('latin1');
  t.true(spec.includes('/buf.plugin.check.v1.CheckService/Check'));
  await t.throwsAsync(plugin(['--spec', '--format', 'json'], new Uint8Array()), { message: /not supported/ });
  await t.throwsAsync(plugin(['/other.Service/Method'], new Uint8Array()), { message: /there is no procedure/ });
});

/** The bakery's proto files, with one of them changed, as buf lints them with the configuration of this repository. */
function bufLint(file: string, change: (text: string) => string): { status: number | null; output: string } {
  const copy = mkdtempSync(join(tmpdir(), 'weft-buf-'));
  try {
    for (const path of ['proto/weft', 'packages/policy/proto', 'packages/api/proto', 'buf.yaml']) {
      cpSync(join(root, path), join(copy, path), { recursive: true });
    }
    cpSync(bakery, join(copy, 'proto/bakery'), { recursive: true });
    symlinkSync(join(root, 'packages/cli'), join(copy, 'packages/cli'));
    const path = join(copy, file);
    const before = readFileSync(path, 'utf8');
    const after = change(before);
    if (after === before) throw new Error(`nothing to change in ${file}`);
    writeFileSync(path, after);
    const PATH = `${join(root, 'node_modules/.bin')}:${process.env.PATH}`;
    const { status, stdout, stderr } = spawnSync('buf', ['lint'], {
      cwd: copy,
      encoding: 'utf8',
      env: { ...process.env, PATH },
    });
    return { status, output: stdout + stderr };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

test('errors appear where those of buf lint do, with file, line and column', (t) => {
  const file = 'proto/bakery/payments/v1/payments.proto';
  const line = readFileSync(join(bakery, 'payments/v1/payments.proto'), 'utf8')
    .split('\n')
    .findIndex((text) => text.includes('rpc Authorize('));
  const { status, output } = bufLint(file, (text) =>
    text.replace(/idempotency_key: "[a-z_]+"/, 'idempotency_key: "nonsense"'),
  );
  t.is(status, 100);
  t.true(output.startsWith(`${file}:${line + 1}:3:idempotency_key "nonsense"`), output);
});
