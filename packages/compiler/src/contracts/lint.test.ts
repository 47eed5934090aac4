import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { withPolicy } from '../testing/edit-contract.ts';
import { descriptorSet } from '../testing/mesh-directory.ts';
import { tinyContract } from '../testing/tiny-contract.ts';
import { lint } from './lint.ts';

const root = join(import.meta.dirname, '../../../..');

function build(): Uint8Array {
  const buf = join(root, 'node_modules/.bin/buf');
  const { stdout, status } = spawnSync(
    buf,
    ['build', '--path', 'proto/shop', '--as-file-descriptor-set', '-o', '-#format=binpb'],
    {
      cwd: root,
      maxBuffer: 1 << 24,
    },
  );
  if (status !== 0) throw new Error('buf build failed');
  return stdout;
}

test('lint: our own contracts have nothing to complain about', (t) => {
  t.deepEqual(lint(build(), { closed: true }), []);
});

test('lint: names the proto file and the line', (t) => {
  const [problem] = lint(withPolicy(build(), 'PlaceOrder', { idempotencyKey: undefined }));
  t.regex(problem?.resource ?? '', /^shop\/orders\/v1\/orders\.proto:\d+$/);
  t.is(problem?.field, 'shop.orders.v1.OrderService/PlaceOrder');
  t.is(problem?.message, 'retry on a method that may not be repeated');
});

test('lint: without source info only the file', (t) => {
  const [problem] = lint(withPolicy(descriptorSet('shop.orders'), 'PlaceOrder', { idempotencyKey: undefined }));
  t.is(problem?.resource, 'shop/orders/v1/orders.proto');
});

test('lint: a sensitive field in an answer that the kit would store', (t) => {
  const [problem] = lint(withPolicy(build(), 'TokenizeCard', { idempotencyKey: 'card_number' }));
  t.regex(problem?.resource ?? '', /^shop\/payments\/v1\/payments\.proto:\d+$/);
  t.is(problem?.field, 'shop.payments.v1.PaymentService/TokenizeCard');
  t.regex(problem?.message ?? '', /are stored, and shop\.payments\.v1\.TokenizeCardResponse\.card_token is sensitive$/);
});

test('lint: a caller that no contract has is refused once all are known', (t) => {
  const set = withPolicy(descriptorSet('shop.payments'), 'Capture', { callers: { names: ['shop.oders'] } });
  t.deepEqual(lint(set), []);
  const messages = lint(set, { closed: true, knownServices: ['shop.orders'] }).map(({ message }) => message);
  t.deepEqual(messages, ['callers names shop.oders, which no contract has']);
  // What comes with tools calls nobody.
  const tools = tinyContract('grpc.health', { Check: {} });
  const health = tinyContract('shop.leaf', { Call: {} }, { callers: ['grpc.health'] });
  t.like(lint(Buffer.concat([tools, health]), { closed: true })[0], {
    message: 'callers names grpc.health, which no contract has',
    advice: 'edge, shop.leaf',
  });
});

test('lint: bytes that are no descriptor set', (t) => {
  t.is(lint(Uint8Array.of(1, 2, 3)).length, 1);
});
