import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, MethodOptionsSchema } from '@bufbuild/protobuf/wkt';
import { type Code, Exposure } from '@weft/policy/weft/policy/v1/policy';
import test from 'ava';
import { withPolicy, withServicePolicy } from '../testing/edit-contract.ts';
import { descriptorSet } from '../testing/mesh-directory.ts';
import { contractHash } from './contract-hash.ts';
import { readContract } from './read-contract.ts';

const read = (set: Uint8Array) =>
  readContract({
    namespace: 'bakery',
    hash: contractHash(set),
    descriptorSet: set,
    origin: 'contracts/bakery/x.binpb',
  });

test('readContract: every default is filled in', (t) => {
  const { version } = read(descriptorSet('bakery.orders'));
  t.is(version?.logicalName, 'bakery.orders');
  t.deepEqual(version?.retryBudget, { percent: 20, minConcurrent: 25 });
  const place = version?.methods.get('/bakery.orders.v1.OrderService/PlaceOrder');
  t.like(place, {
    kind: 'unary',
    safety: 'keyed',
    deadlineMs: 15_000,
    retry: { codes: ['unavailable'], maxRetries: 2, baseBackoffMs: 25, maxBackoffMs: 250 },
  });
  t.deepEqual(place?.http, [{ verb: 'POST', template: '/v1/orders', body: '*' }]);
  const watch = version?.methods.get('/bakery.orders.v1.OrderService/WatchOrder');
  t.like(watch, { kind: 'server_stream', idleTimeoutMs: 600_000, deadlineMs: undefined });
});

test('readContract: a service default counts for the methods that it fits', (t) => {
  const { version } = read(descriptorSet('bakery.inventory'));
  const method = (name: string) => version?.methods.get(`/bakery.inventory.v1.InventoryService/${name}`);
  t.like(method('Reserve'), { safety: 'keyed', deadlineMs: 3000, retry: { maxRetries: 2 } });
  t.like(method('Release'), { safety: 'idempotent', deadlineMs: 3000 });
  t.deepEqual([...(method('GetStock')?.callers ?? [])], ['bakery.orders', 'edge']);
  t.deepEqual([...(method('Reserve')?.callers ?? [])], ['bakery.orders']);
});

test('readContract: an option of a later version is a problem, never ignored', (t) => {
  const set = fromBinary(FileDescriptorSetSchema, descriptorSet('bakery.payments'));
  const method = set.file.flatMap((file) => file.service)[0]?.method[0];
  if (method === undefined) return t.fail();
  method.options ??= create(MethodOptionsSchema);
  // Field 50717 (the policy of a method), length 3: field 99, varint 1.
  method.options.$unknown = [{ no: 50717, wireType: 2, data: Uint8Array.of(3, 0x98, 0x06, 1) }];
  const { version, problems } = read(toBinary(FileDescriptorSetSchema, set));
  t.is(version, undefined);
  t.is(problems[0]?.field, 'bakery.payments.v1.PaymentService/TokenizeCard');
  t.is(problems[0]?.message, '(weft.policy.v1.method) field 99 is unknown to this version of Weft');
});

/** Not a code that we know; an open enum carries it all the same. */
const laterCode = 77 as Code;

test('readContract: an enum value of a later version is a problem', (t) => {
  const { problems } = read(withPolicy(descriptorSet('bakery.orders'), 'GetOrder', { retry: { codes: [laterCode] } }));
  t.is(problems[0]?.message, '(weft.policy.v1.method).retry.codes value 77 is unknown to this version of Weft');
});

test('readContract: what cannot be meant is refused, with the method and the reason', (t) => {
  const orders = descriptorSet('bakery.orders');
  const refusals: readonly (readonly [Uint8Array, RegExp])[] = [
    [withPolicy(orders, 'PlaceOrder', { idempotencyKey: undefined }), /^retry on a method that may not be repeated$/],
    [withPolicy(orders, 'PlaceOrder', { idempotencyKey: 'nonsense' }), /^idempotency_key "nonsense"$/],
    [
      withPolicy(orders, 'GetOrder', { tryTimeout: { seconds: 3n } }),
      /^try_timeout 3000 ms is over the deadline 2000 ms$/,
    ],
    [withPolicy(orders, 'WatchOrder', { deadline: { seconds: 3n } }), /^deadline is for unary methods$/],
    [withPolicy(orders, 'GetOrder', { idleTimeout: { seconds: 3n } }), /^idle_timeout is for streams$/],
    [withPolicy(orders, 'PlaceOrder', { hedge: { after: { seconds: 1n } } }), /^hedge needs idempotency_level/],
    [withPolicy(orders, 'GetOrder', { callers: { names: ['edge'] } }), /^callers names edge$/],
    [
      withPolicy(orders, 'GetOrder', { callers: { names: ['bakery.orders.v1'] } }),
      /^callers names "bakery.orders.v1"$/,
    ],
    [
      withPolicy(descriptorSet('bakery.catalog'), 'ImportProducts', { retry: {} }),
      /^retry cannot repeat a stream of requests$/,
    ],
    [withServicePolicy(orders, { retryBudget: { percent: 101 } }), /^retry_budget.percent is 101$/],
  ];
  for (const [set, message] of refusals) {
    const { version, problems } = read(set);
    t.is(version, undefined);
    t.regex(problems[0]?.message ?? '', message);
  }
});

test('readContract: bytes that are no descriptor set', (t) => {
  t.regex(read(Uint8Array.of(1, 2, 3)).problems[0]?.message ?? '', /^not a descriptor set: /);
  t.is(read(new Uint8Array()).problems[0]?.message, 'there is no service in it');
});

test('readContract: a shadow is what its method or service says, and otherwise what holds now', (t) => {
  const shadowOf = (set: Uint8Array) => {
    const shadow = read(set).version?.methods.get('/bakery.payments.v1.PaymentService/Capture')?.shadow;
    return shadow && [...shadow];
  };
  const payments = descriptorSet('bakery.payments');
  t.is(shadowOf(payments), undefined);
  const service = withServicePolicy(payments, { shadow: { exposure: Exposure.EDGE } });
  t.deepEqual(shadowOf(service), ['bakery.orders', 'edge']);
  t.deepEqual(shadowOf(withPolicy(service, 'Capture', { shadow: { callers: { names: [] } } })), []);
  const wrong = read(withPolicy(payments, 'Capture', { shadow: { callers: { names: ['edge'] } } }));
  t.is(wrong.problems[0]?.message, 'shadow.callers names edge');
});
