import { create, fromJson } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { ErrorInfoSchema } from '@weft/policy/google/rpc/error_details';
import {
  OrderService,
  PlaceOrderRequestSchema,
  PlaceOrderResponseSchema,
} from '@weft/test-contracts/bakery/orders/v1/orders';
import test from 'ava';
import { Contract } from '../contract.fixture.ts';
import { runAsCall } from '../current-call.ts';
import type { Database, Transaction } from '../postgres/database.ts';
import { ServiceError } from '../service-error.ts';
import { testCall } from '../test-call.ts';
import { startTestDatabase, type TestDatabase } from '../testing/database.ts';
import { deleteExpired } from './expire-records.ts';
import { identify } from './idempotency-key.ts';
import { once } from './once.ts';

let base: TestDatabase;
let replicas: [Database, Database];

test.before(async () => {
  base = await startTestDatabase({ schema: 'kit' });
  replicas = [base.open(), base.open()];
  await replicas[0].migrate();
  await replicas[0].query('create table effects (key text, order_id text)');
});
test.after.always(() => base.remove());

const { placeOrder } = OrderService.method;

function place(db: Database, key: string, options: { customer?: string; caller?: string; fail?: () => Error } = {}) {
  const request = create(PlaceOrderRequestSchema, { idempotencyKey: key, customerId: options.customer ?? 'c' });
  const call = testCall(placeOrder, { deadlineMs: 20_000, ...(options.caller ? { caller: options.caller } : {}) });
  const effect = async (tx: Transaction) => {
    const orderId = crypto.randomUUID();
    await tx.query('insert into effects values ($1, $2)', [key, orderId]);
    if (options.fail) throw options.fail();
    return { order: { orderId } };
  };
  return runAsCall(call, () => once(db, call, request, PlaceOrderResponseSchema, effect));
}

async function effects(key: string): Promise<number> {
  return (await replicas[0].query('select 1 from effects where key = $1', [key])).rowCount;
}

test('50 calls at once with one key, at two replicas: one effect, 50 equal answers', async (t) => {
  const [first, second] = replicas;
  const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => place(n % 2 ? first : second, 'burst')));
  t.is(await effects('burst'), 1);
  for (const answer of answers) t.deepEqual(answer, answers[0]);
});

test('50 keys at once, four times each, on a pool of ten', async (t) => {
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, n) => place(replicas[n % 2 ? 0 : 1], `many-${n % 50}`)),
  );
  t.is(new Set(answers.map((answer) => answer.order?.orderId)).size, 50);
  t.is(await effects('many-7'), 1);
});

test('a repeat after the answer gets it again, at another replica too', async (t) => {
  const first = await place(replicas[0], 'repeat');
  t.deepEqual(await place(replicas[1], 'repeat'), first);
  t.is(await effects('repeat'), 1);
});

test('callers do not share keys', async (t) => {
  const one = await place(replicas[0], 'shared', { caller: 'spiffe://mesh/a' });
  const two = await place(replicas[0], 'shared', { caller: 'spiffe://mesh/b' });
  t.notDeepEqual(one, two);
});

test('another request under the same key is refused, also while the first is under way', async (t) => {
  const running = place(replicas[0], 'reused', { customer: 'a' });
  const refusal = {
    instanceOf: ServiceError,
    code: Code.AlreadyExists,
    message:
      'bakery.orders.v1.OrderService/PlaceOrder: the idempotency key "reused" was used for another request; choose a new key',
  };
  await t.throwsAsync(place(replicas[0], 'reused', { customer: 'b' }), refusal);
  await running;
  await t.throwsAsync(place(replicas[1], 'reused', { customer: 'b' }), refusal);
  t.is(await effects('reused'), 1);
});

test('the stored hash says nothing of a sensitive field', (t) => {
  const call = testCall(placeOrder, { deadlineMs: 1_000 });
  const hash = (cardNumber: string) =>
    identify(call, create(PlaceOrderRequestSchema, { idempotencyKey: 'k', cardNumber })).requestHash;
  t.deepEqual(hash('4242424242424242'), hash('4111111111111111'));
});

test('a final error is the answer, with its details and without its effect', async (t) => {
  let tries = 0;
  const fail = () => {
    tries++;
    return new ServiceError(Code.FailedPrecondition, 'no stock', {
      details: [{ desc: ErrorInfoSchema, value: { reason: 'NO_STOCK', domain: 'bakery' } }],
    });
  };
  for (const db of replicas) {
    const error = await t.throwsAsync(place(db, 'final', { fail }), {
      instanceOf: ServiceError,
      code: Code.FailedPrecondition,
      message: 'no stock',
    });
    t.like(error?.details[0]?.value, { reason: 'NO_STOCK', domain: 'bakery' });
  }
  t.is(tries, 1);
  t.is(await effects('final'), 0);
});

test('after a transient or unknown error the same request may be made again', async (t) => {
  const transient = () => new ServiceError(Code.Unavailable, 'later');
  await t.throwsAsync(place(replicas[0], 'transient', { fail: transient }), { message: 'later' });
  await t.throwsAsync(place(replicas[0], 'transient', { fail: () => new TypeError('bug') }), { message: 'bug' });
  t.is(await effects('transient'), 0);
  await place(replicas[1], 'transient');
  t.is(await effects('transient'), 1);
});

test('repeats that wait for a failing attempt try for themselves', async (t) => {
  let failures = 0;
  const fail = () => {
    failures++;
    return new ServiceError(Code.Unavailable, 'later');
  };
  const results = await Promise.allSettled([
    place(replicas[0], 'chain', { fail }),
    place(replicas[0], 'chain'),
    place(replicas[0], 'chain'),
  ]);
  t.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'fulfilled', 'fulfilled'],
  );
  t.is(failures, 1);
  t.is(await effects('chain'), 1);
});

test.serial('an expired record counts no more, and is deleted in time', async (t) => {
  const [db] = replicas;
  const first = await place(db, 'expired');
  await place(db, 'expired-and-gone');
  await db.query("update idempotency_keys set expires_at = now() - interval '1 s' where key like 'expired%'");
  t.notDeepEqual(await place(db, 'expired'), first);
  await deleteExpired(db);
  t.is((await db.query("select 1 from idempotency_keys where key like 'expired%'")).rowCount, 1);
});

test('a request without a key is refused', async (t) => {
  await t.throwsAsync(place(replicas[0], ''), {
    instanceOf: ServiceError,
    code: Code.InvalidArgument,
    message: 'PlaceOrder: idempotency_key must not be empty',
  });
});

test('a method whose contract names no key is a mistake of this service', async (t) => {
  const call = testCall(OrderService.method.getOrder);
  const request = create(OrderService.method.getOrder.input, { orderId: 'x' });
  await t.throwsAsync(
    once(replicas[0], call, request, PlaceOrderResponseSchema, async () => ({})),
    { instanceOf: TypeError, message: /its contract sets no/ },
  );
});

test('the same request in another order of map entries is a repeat; in other words it is not', async (t) => {
  const contract = new Contract({
    'keyed/v1/keyed.proto': `
      syntax = "proto3";
      package keyed.v1;
      import "weft/policy/v1/policy.proto";
      service KeyedService {
        rpc Put(PutRequest) returns (PutRequest) { option (weft.policy.v1.method) = {idempotency_key: "key"}; }
      }
      message PutRequest { string key = 1; map<string, string> labels = 2; }`,
  });
  const method = contract.method('keyed.v1.KeyedService', 'Put');
  let runs = 0;
  const put = (labels: Record<string, string>) => {
    const call = testCall(method, { deadlineMs: 20_000 });
    const request = fromJson(method.input, { key: 'labels', labels });
    return runAsCall(call, () =>
      once(replicas[0], call, request, PlaceOrderResponseSchema, async () => ({ order: { orderId: String(++runs) } })),
    );
  };
  const first = await put({ a: '1', b: '2' });
  t.deepEqual(await put({ b: '2', a: '1' }), first);
  t.is(runs, 1);
  await t.throwsAsync(put({ a: '2', b: '1' }), { code: Code.AlreadyExists });
});
