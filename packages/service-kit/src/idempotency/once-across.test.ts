import { create } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import {
  AuthorizeRequestSchema,
  AuthorizeResponseSchema,
  PaymentService,
} from '@weft/test-contracts/bakery/payments/v1/payments';
import test from 'ava';
import { runAsCall } from '../current-call.ts';
import type { Database } from '../postgres/database.ts';
import { ServiceError } from '../service-error.ts';
import { testCall } from '../test-call.ts';
import { startTestDatabase, type TestDatabase } from '../testing/database.ts';
import { onceAcross } from './once-across.ts';

let base: TestDatabase;
let replicas: [Database, Database];

test.before(async () => {
  base = await startTestDatabase({ schema: 'kit' });
  replicas = [base.open(), base.open()];
  await replicas[0].migrate();
  await replicas[0].query('create table begun (key text)');
});
test.after.always(() => base.remove());

const { authorize } = PaymentService.method;

interface Attempt {
  readonly state: { readonly paymentId: string };
  readonly onward: string;
  readonly signal: AbortSignal;
}

interface Options {
  readonly leaseMs?: number;
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  readonly beginFails?: Error;
}

/** Asks for an authorization; `work` is what the bank does. */
function pay(db: Database, key: string, work: (attempt: Attempt) => Promise<void>, options: Options = {}) {
  const request = create(AuthorizeRequestSchema, { idempotencyKey: key, orderId: 'o' });
  const call = testCall(authorize, { deadlineMs: 20_000, ...options });
  return runAsCall(call, () =>
    onceAcross(db, call, request, AuthorizeResponseSchema, {
      begin: async (tx) => {
        await tx.query('insert into begun values ($1)', [key]);
        if (options.beginFails) throw options.beginFails;
        return { paymentId: crypto.randomUUID() };
      },
      work: async (state, keyOf, signal) => {
        await work({ state, onward: keyOf('bank'), signal });
        return { paymentId: state.paymentId };
      },
      ...(options.leaseMs === undefined ? {} : { leaseMs: options.leaseMs }),
    }),
  );
}

async function begun(key: string): Promise<number> {
  return (await replicas[0].query('select 1 from begun where key = $1', [key])).rowCount;
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

test('50 calls at once with one key, at two replicas: the work once, 50 equal answers, the pool free meanwhile', async (t) => {
  let works = 0;
  const { promise: working, resolve: begin } = Promise.withResolvers<void>();
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  const work = async () => {
    works++;
    begin();
    await done;
  };
  const calls = Array.from({ length: 50 }, (_, n) => pay(replicas[n % 2 ? 0 : 1], 'burst', work));
  await working;
  // More at once than the pools have connections: none may be held by the 50.
  await Promise.all(replicas.flatMap((db) => Array.from({ length: 20 }, () => db.query('select pg_sleep(0.01)'))));
  finish();
  const answers = await Promise.all(calls);
  t.is(works, 1);
  t.is(await begun('burst'), 1);
  for (const answer of answers) t.deepEqual(answer, answers[0]);
});

test('after a crash another replica takes over when the lease has ended, with the same state and onward keys', async (t) => {
  const [first, second] = replicas;
  const attempts: Attempt[] = [];
  // A process that crashed neither answers nor renews; this one renews no more once its pool is gone.
  const crashing = base.open();
  const { promise: working, resolve: begin } = Promise.withResolvers<void>();
  const hanging = pay(
    crashing,
    'crash',
    (attempt) => {
      attempts.push(attempt);
      begin();
      return new Promise(() => {});
    },
    { leaseMs: 400 },
  );
  hanging.catch(() => {});
  await working;
  await crashing.close();
  const [one, two] = await Promise.all([
    pay(first, 'crash', async (attempt) => void attempts.push(attempt)),
    pay(second, 'crash', async (attempt) => void attempts.push(attempt)),
  ]);
  t.deepEqual(one, two);
  t.is(await begun('crash'), 1);
  t.is(attempts.length, 2);
  t.deepEqual(attempts[0]?.state, attempts[1]?.state);
  t.is(attempts[0]?.onward, attempts[1]?.onward);
  t.regex(attempts[0]?.onward ?? '', /^[\w-]{43}$/);
});

test('a holder that was only slow is refused by its lease number and gives the other’s answer', async (t) => {
  const [first, second] = replicas;
  const { promise: working, resolve: begin } = Promise.withResolvers<void>();
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  let lost: AbortSignal | undefined;
  const slow = pay(
    first,
    'slow',
    async ({ signal }) => {
      lost = signal;
      begin();
      await done;
      throw new ServiceError(Code.FailedPrecondition, 'the slow one says no');
    },
    { leaseMs: 900 },
  );
  await working;
  // As if it had been stopped for so long that another has taken over, and then crashed.
  await second.query(
    "update idempotency_keys set lease_number = lease_number + 1, lease_until = now() where key = 'slow'",
  );
  const quick = await pay(second, 'slow', async () => {});
  while (!lost?.aborted) await pause(10);
  finish();
  t.deepEqual(await slow, quick);
  t.deepEqual(await pay(first, 'slow', () => Promise.reject(new Error('not again'))), quick);
});

test('the lease is renewed while the work goes on', async (t) => {
  const leaseUntil = async () => {
    const { rows } = await replicas[0].query<{ ms: bigint }>(
      "select (extract(epoch from lease_until) * 1000)::bigint as ms from idempotency_keys where key = 'long'",
    );
    return rows[0]?.ms ?? 0n;
  };
  const long = pay(
    replicas[0],
    'long',
    async () => {
      const before = await leaseUntil();
      while ((await leaseUntil()) === before) await pause(20);
    },
    { leaseMs: 2_000 },
  );
  t.truthy((await long).paymentId);
});

test('after a transient error the repeat takes over at once, without waiting for the lease', async (t) => {
  const fail = () => Promise.reject(new ServiceError(Code.Unavailable, 'the bank is away'));
  await t.throwsAsync(pay(replicas[0], 'transient', fail, { leaseMs: 600_000 }), { message: 'the bank is away' });
  await pay(replicas[1], 'transient', async () => {});
  t.is(await begun('transient'), 1);
});

test('a final error of the work is the answer', async (t) => {
  let works = 0;
  const decline = async () => {
    works++;
    throw new ServiceError(Code.FailedPrecondition, 'declined');
  };
  for (const db of replicas) {
    await t.throwsAsync(pay(db, 'declined', decline), { code: Code.FailedPrecondition, message: 'declined' });
  }
  t.is(works, 1);
});

test('a final error of begin is the answer, without what begin wrote; a transient one leaves nothing', async (t) => {
  const beginFails = new ServiceError(Code.NotFound, 'no such order');
  await t.throwsAsync(
    pay(replicas[0], 'begin-final', async () => {}, { beginFails }),
    { message: 'no such order' },
  );
  await t.throwsAsync(
    pay(replicas[1], 'begin-final', async () => {}),
    { message: 'no such order' },
  );
  t.is(await begun('begin-final'), 0);
  const later = new ServiceError(Code.Unavailable, 'later');
  await t.throwsAsync(
    pay(replicas[0], 'begin-later', async () => {}, { beginFails: later }),
    { message: 'later' },
  );
  await pay(replicas[1], 'begin-later', async () => {});
  t.is(await begun('begin-later'), 1);
});

test('a repeat waits no longer than its own deadline', async (t) => {
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  const { promise: working, resolve: begin } = Promise.withResolvers<void>();
  const first = pay(replicas[0], 'wait', async () => {
    begin();
    await done;
  });
  await working;
  for (const db of replicas) {
    await t.throwsAsync(
      pay(db, 'wait', async () => {}, { deadlineMs: 100 }),
      { instanceOf: ServiceError, code: Code.DeadlineExceeded },
    );
  }
  finish();
  await first;
});

test('an answer that came after its caller had hung up is kept for the repeat', async (t) => {
  const hangUp = new AbortController();
  const answer = pay(replicas[0], 'hung-up', async () => hangUp.abort(), { signal: hangUp.signal });
  await answer.catch(() => {});
  const repeat = await pay(replicas[1], 'hung-up', () => Promise.reject(new Error('not again')));
  t.truthy(repeat.paymentId);
});
