import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { descriptorSet } from '@weft/test-contracts';
import test, { type ExecutionContext } from 'ava';
import { freePort } from '../supervisor/free-port.ts';
import { fakeArguments } from './fake-options.ts';

const root = join(import.meta.dirname, '../../../..');
const program = join(root, 'packages/cli/bin/weft-fake.js');

/** Starts a fake of bakery.payments with a file of a project that has the kit installed. */
async function startFake(t: ExecutionContext, kind: 'answers' | 'handlers', file: string, content: string) {
  const project = mkdtempSync(join(tmpdir(), 'fake-'));
  t.teardown(() => rmSync(project, { recursive: true }));
  mkdirSync(join(project, 'node_modules'));
  symlinkSync(join(root, 'node_modules/@weft'), join(project, 'node_modules/@weft'));
  writeFileSync(join(project, 'contract.binpb'), descriptorSet('bakery.payments'));
  writeFileSync(join(project, file), content);
  const args = fakeArguments({
    project,
    kitFrom: [],
    contract: 'bakery.payments',
    descriptorFile: join(project, 'contract.binpb'),
    [kind]: join(project, file),
  });
  const port = await freePort();
  const env = { ...process.env, LOG_LEVEL: 'info', WEFT_LISTEN: `127.0.0.1:${port}` };
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return { child, port };
}

/** Resolves when the fake has logged that it serves. */
function serves({ stdout, stderr }: ChildProcessByStdio<null, Readable, Readable>): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = '';
    stdout.on('data', (chunk) => {
      log += String(chunk);
      if (log.includes('"serving"')) resolve();
    });
    text(stderr).then((said) => reject(new Error(`it does not serve: ${said}`)), reject);
  });
}

async function call(port: number, method: string, request: object): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${port}/bakery.payments.v1.PaymentService/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'connect-protocol-version': '1' },
    body: JSON.stringify(request),
  });
  return answer.json();
}

test('handlers answer, also of keyed methods; a method without one answers with an example', async (t) => {
  const { child, port } = await startFake(
    t,
    'handlers',
    'payments.ts',
    `import { ServiceError } from '@weft/service-kit';
     export default {
       authorize({ orderId }: { orderId: string }) { return { paymentId: 'of ' + orderId }; },
       async capture(): Promise<never> { throw new ServiceError(9, 'not today'); },
     };`,
  );
  await serves(child);
  const orderId = '0192f0c1-5e8b-7c3a-9d21-4b6f0a7e1c55';
  const amount = { currencyCode: 'EUR', units: '3' };
  t.deepEqual(await call(port, 'Authorize', { orderId, amount, idempotencyKey: 'k', cardToken: 'c' }), {
    paymentId: `of ${orderId}`,
  });
  t.like(await call(port, 'Capture', { orderId }), { code: 'failed_precondition', message: 'not today' });
  t.deepEqual(await call(port, 'Refund', { orderId }), {
    paymentId: 'some-payment-id',
    status: 'PAYMENT_STATUS_AUTHORIZED',
  });
});

for (const [what, kind, file, content, message] of [
  [
    'an unknown method',
    'handlers',
    'f.mjs',
    'export default { captur() {} };',
    /^f\.mjs: captur: .* Did you mean .*capture/,
  ],
  ['no default export', 'handlers', 'f.mjs', 'export const capture = 1;', /^f\.mjs: must export its handlers: /],
  [
    'what is no function',
    'handlers',
    'f.mjs',
    'export default { capture: 1 };',
    /^f\.mjs: capture: must be a function$/,
  ],
  ['a syntax error', 'handlers', 'f.mjs', 'export default {', /^f\.mjs: cannot be loaded: /],
  ['a wrong answer', 'answers', 'f.yaml', 'Capture: [{}]', /^f\.yaml: Capture: answer 1: must have one of /],
] as const) {
  test(`a file with ${what} ends the process with one sentence`, async (t) => {
    const { child } = await startFake(t, kind, file, content);
    const [said] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    t.is(child.exitCode, 1);
    t.regex(said.trim(), message);
  });
}
