import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import test from 'ava';
import { withPolicy } from '../testing/edit-contract.ts';
import { descriptorSet } from '../testing/mesh-directory.ts';
import { tinyContract } from '../testing/tiny-contract.ts';
import { lint } from './lint.ts';
import { readContract } from './read-contract.ts';

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

test('lint: a call that its callee does not admit, and one to nobody', (t) => {
  const callee = tinyContract('shop.catalog', { Get: {} }, { callers: ['shop.orders'] });
  const told = (caller: string, calls: string[], closed = false) =>
    lint(Buffer.concat([callee, tinyContract(caller, { Call: {} }, { calls })]), {
      closed,
      knownServices: ['shop.orders', 'shop.elsewhere'],
    }).map(({ message }) => message);
  t.deepEqual(told('shop.orders', ['shop.catalog', 'shop.elsewhere'], true), []);
  t.deepEqual(told('shop.returns', ['shop.catalog']), [
    'calls names shop.catalog, of which no method names shop.returns as a caller',
  ]);
  t.deepEqual(told('shop.orders', ['shop.catalogue']), []);
  t.deepEqual(told('shop.orders', ['shop.catalogue'], true), ['calls names shop.catalogue, which no contract has']);
  t.deepEqual(told('shop.orders', ['edge']), ['calls names the edge, which nobody in the mesh calls']);
});

test('a contract that is refused names its line where it has one', (t) => {
  // Of one package, as contracts are published.
  const set = fromBinary(FileDescriptorSetSchema, withPolicy(build(), 'GetOrder', { deadline: {} }));
  set.file = set.file.filter((file) => file.service.length === 0 || file.package === 'shop.orders.v1');
  const descriptorSet = toBinary(FileDescriptorSetSchema, set);
  const { problems } = readContract({ namespace: 'shop', hash: '', descriptorSet, origin: 'orders.binpb' });
  t.regex(problems[0]?.field ?? '', /^shop.orders.v1.OrderService\/GetOrder \(shop\/orders\/v1\/orders\.proto:\d+\)$/);
  t.is(problems[0]?.message, 'deadline is 0 ms');
  t.is(problems[0]?.advice, 'a duration from 1ms to 365d');
});

test('a part of a message that Envoy could not take has its line', (t) => {
  const set = fromBinary(FileDescriptorSetSchema, build());
  const file = set.file.find(({ name }) => name === 'shop/orders/v1/orders.proto');
  const message = file?.messageType.find(({ field }) => field.length > 1);
  const [first, second] = message?.field ?? [];
  if (!first || !second) return t.fail();
  second.number = first.number;
  const [problem] = lint(toBinary(FileDescriptorSetSchema, set));
  t.regex(problem?.resource ?? '', /^shop\/orders\/v1\/orders\.proto:\d+$/);
  t.is(problem?.field, `shop.orders.v1.${message?.name}.${second.name}`);
  t.is(problem?.message, `its number ${first.number} is also ${first.name}'s`);
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
