import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import test from 'ava';
import { withPolicy } from '../testing/edit-contract.ts';
import { contractsWithLines, descriptorSet } from '../testing/mesh-directory.ts';
import { tinyContract } from '../testing/tiny-contract.ts';
import { lint } from './lint.ts';
import { readContract } from './read-contract.ts';

test('lint: contracts in order have nothing to complain about', (t) => {
  t.deepEqual(lint(contractsWithLines(), { closed: true }), []);
});

test('lint: names the proto file and the line', (t) => {
  const [problem] = lint(withPolicy(contractsWithLines(), 'PlaceOrder', { idempotencyKey: undefined }));
  t.regex(problem?.resource ?? '', /^bakery\/orders\/v1\/orders\.proto:\d+$/);
  t.is(problem?.field, 'bakery.orders.v1.OrderService/PlaceOrder');
  t.is(problem?.message, 'retry on a method that may not be repeated');
});

test('lint: a call that its callee does not admit, and one to nobody', (t) => {
  const callee = tinyContract('bakery.catalog', { Get: {} }, { callers: ['bakery.orders'] });
  const told = (caller: string, calls: string[], closed = false) =>
    lint(Buffer.concat([callee, tinyContract(caller, { Call: {} }, { calls })]), {
      closed,
      knownServices: ['bakery.orders', 'bakery.elsewhere'],
    }).map(({ message }) => message);
  t.deepEqual(told('bakery.orders', ['bakery.catalog', 'bakery.elsewhere'], true), []);
  t.deepEqual(told('bakery.returns', ['bakery.catalog']), [
    'calls names bakery.catalog, but none of its methods names bakery.returns as a caller',
  ]);
  t.deepEqual(told('bakery.orders', ['bakery.catalogue']), []);
  t.deepEqual(told('bakery.orders', ['bakery.catalogue'], true), [
    'calls names bakery.catalogue, which no contract has',
  ]);
  t.deepEqual(told('bakery.orders', ['edge']), ['calls names the edge, which no service calls']);
});

test('a contract that is refused names its line where it has one', (t) => {
  // Of one package, as contracts are published.
  const set = fromBinary(FileDescriptorSetSchema, withPolicy(contractsWithLines(), 'GetOrder', { deadline: {} }));
  set.file = set.file.filter((file) => file.service.length === 0 || file.package === 'bakery.orders.v1');
  const descriptorSet = toBinary(FileDescriptorSetSchema, set);
  const { problems } = readContract({ namespace: 'bakery', hash: '', descriptorSet, origin: 'orders.binpb' });
  t.regex(
    problems[0]?.field ?? '',
    /^bakery.orders.v1.OrderService\/GetOrder \(bakery\/orders\/v1\/orders\.proto:\d+\)$/,
  );
  t.is(problems[0]?.message, 'deadline is 0 ms');
  t.is(problems[0]?.advice, 'a duration from 1ms to 365d');
});

test('a part of a message that Envoy could not take has its line', (t) => {
  const set = fromBinary(FileDescriptorSetSchema, contractsWithLines());
  const file = set.file.find(({ name }) => name === 'bakery/orders/v1/orders.proto');
  const message = file?.messageType.find(({ field }) => field.length > 1);
  const [first, second] = message?.field ?? [];
  if (!first || !second) return t.fail();
  second.number = first.number;
  const [problem] = lint(toBinary(FileDescriptorSetSchema, set));
  t.regex(problem?.resource ?? '', /^bakery\/orders\/v1\/orders\.proto:\d+$/);
  t.is(problem?.field, `bakery.orders.v1.${message?.name}.${second.name}`);
  t.is(problem?.message, `its number ${first.number} is also ${first.name}'s`);
});

test('lint: without source info only the file', (t) => {
  const [problem] = lint(withPolicy(descriptorSet('bakery.orders'), 'PlaceOrder', { idempotencyKey: undefined }));
  t.is(problem?.resource, 'bakery/orders/v1/orders.proto');
});

test('lint: a sensitive field in an answer that the kit would store', (t) => {
  const [problem] = lint(withPolicy(contractsWithLines(), 'TokenizeCard', { idempotencyKey: 'card_number' }));
  t.regex(problem?.resource ?? '', /^bakery\/payments\/v1\/payments\.proto:\d+$/);
  t.is(problem?.field, 'bakery.payments.v1.PaymentService/TokenizeCard');
  t.regex(
    problem?.message ?? '',
    /are stored, and bakery\.payments\.v1\.TokenizeCardResponse\.card_token is sensitive$/,
  );
});

test('lint: a caller that no contract has is refused once all are known', (t) => {
  const set = withPolicy(descriptorSet('bakery.payments'), 'Capture', { callers: { names: ['bakery.oders'] } });
  t.deepEqual(lint(set), []);
  const messages = lint(set, { closed: true, knownServices: ['bakery.orders'] }).map(({ message }) => message);
  t.deepEqual(messages, ['callers names bakery.oders, which no contract has']);
  // What comes with tools calls nobody.
  const tools = tinyContract('grpc.health', { Check: {} });
  const health = tinyContract('bakery.leaf', { Call: {} }, { callers: ['grpc.health'] });
  t.like(lint(Buffer.concat([tools, health]), { closed: true })[0], {
    message: 'callers names grpc.health, which no contract has',
    advice: 'bakery.leaf, edge',
  });
});

test('lint: bytes that are no descriptor set', (t) => {
  t.is(lint(Uint8Array.of(1, 2, 3)).length, 1);
});
