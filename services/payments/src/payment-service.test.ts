import { Code, ConnectError } from '@connectrpc/connect';
import { PaymentService, PaymentStatus } from '@shop/payments-contract/v1';
import { ErrorInfoSchema } from '@weft/policy/google/rpc/error_details';
import { type Client, client, type Server, serve, uuidv7 } from '@weft/service-kit';
import { startTestDatabase, type TestDatabase } from '@weft/service-kit/testing';
import ava, { type TestFn } from 'ava';
import { authorizationKeyOf } from './payment.ts';
import type { PaymentProvider } from './payment-provider.ts';
import { paymentService } from './payment-service.ts';
import { simulatedBank } from './simulated-bank.ts';

interface Context {
  database: TestDatabase;
  server: Server;
  payments: Client<typeof PaymentService>;
  /** Awaited by the bank after it has decided and before it answers. In an object, for each test has a copy of the context. */
  bank: { beforeAnswer: () => Promise<void> };
}

const test = ava as TestFn<Context>;

test.before(async (t) => {
  const database = await startTestDatabase({
    schema: 'payments',
    migrations: new URL('../migrations/', import.meta.url),
  });
  const simulated = simulatedBank(database.db);
  const bank = { beforeAnswer: async () => {} };
  const slowed: PaymentProvider = {
    ...simulated,
    async authorize(request, signal) {
      const outcome = await simulated.authorize(request, signal);
      await bank.beforeAnswer();
      return outcome;
    },
  };
  const server = await serve({ services: [paymentService(database.db, slowed)], listen: '127.0.0.1:0', drainMs: 0 });
  const payments = client(PaymentService, { outbound: server.address });
  t.context = { database, server, payments, bank };
});

test.beforeEach((t) => {
  t.context.bank.beforeAnswer = async () => {};
});

test.after.always(async (t) => {
  await t.context.server?.close();
  await t.context.database?.remove();
});

test.serial('a payment is authorized, captured and refunded, each as often as one likes', async (t) => {
  const { payments, database } = t.context;
  const orderId = uuidv7();
  const authorized = await payments.authorize(await authorization(payments, orderId));
  t.is(authorized.status, PaymentStatus.AUTHORIZED);
  t.truthy(authorized.authorizedAt);
  for (let twice = 0; twice < 2; twice++) {
    const { paymentId, status } = await payments.capture({ orderId });
    t.deepEqual([paymentId, status], [authorized.paymentId, PaymentStatus.CAPTURED]);
  }
  t.is(await bankState(database, orderId), 'captured');
  for (let twice = 0; twice < 2; twice++) {
    const { paymentId, status } = await payments.refund({ orderId });
    t.deepEqual([paymentId, status], [authorized.paymentId, PaymentStatus.REFUNDED]);
  }
  t.is(await bankState(database, orderId), 'returned');
  t.is(await reasonOf(payments.capture({ orderId })), 'PAYMENT_REFUNDED');
});

for (const [cardNumber, decline] of [
  ['4000000000009995', 'insufficient_funds'],
  ['4000000000009979', 'stolen_card'],
  ['4000000000000119', 'processing_error'],
  ['4111111111111112', 'invalid_number'],
] as const) {
  test.serial(`card ${cardNumber} is declined: ${decline}`, async (t) => {
    const { payments } = t.context;
    const orderId = uuidv7();
    for (let twice = 0; twice < 2; twice++) {
      const error = await t.throwsAsync(payments.authorize(await authorization(payments, orderId, { cardNumber })), {
        instanceOf: ConnectError,
      });
      t.is(error?.code, Code.FailedPrecondition);
      t.like(error?.findDetails(ErrorInfoSchema)[0], { reason: 'CARD_DECLINED', metadata: { decline } });
      t.false(error?.message.includes(cardNumber));
    }
    t.is(await reasonOf(payments.capture({ orderId })), 'NEVER_AUTHORIZED');
    t.is((await payments.refund({ orderId })).status, PaymentStatus.REFUNDED);
  });
}

test.serial('a card that fails twice is approved the third time', async (t) => {
  const { payments } = t.context;
  const request = await authorization(payments, uuidv7(), { cardNumber: '4000000000000200' });
  t.is(await codeOf(payments.authorize(request)), Code.Unavailable);
  t.is(await codeOf(payments.authorize(request)), Code.Unavailable);
  t.is((await payments.authorize(request)).status, PaymentStatus.AUTHORIZED);
});

test.serial('a bank that takes longer than the deadline is given up in time', async (t) => {
  const { payments } = t.context;
  const orderId = uuidv7();
  const request = await authorization(payments, orderId, { cardNumber: '4000000000030000' });
  t.is(await codeOf(payments.authorize(request, { deadlineMs: 200 })), Code.DeadlineExceeded);
  t.is((await payments.refund({ orderId })).status, PaymentStatus.REFUNDED);
  t.is(await reasonOf(payments.authorize(request)), 'PAYMENT_REFUNDED');
});

test.serial('the same key 50 times at once asks the bank once and gives 50 equal answers', async (t) => {
  const { payments, database } = t.context;
  const orderId = uuidv7();
  const request = await authorization(payments, orderId);
  const answers = await Promise.all(Array.from({ length: 50 }, () => payments.authorize(request)));
  t.is(new Set(answers.map((answer) => answer.paymentId)).size, 1);
  const { rows } = await database.db.query<{ attempts: number }>(
    'select attempts from simulated_bank where authorization_key = $1',
    [authorizationKeyOf(orderId)],
  );
  t.deepEqual(
    rows.map(({ attempts }) => attempts),
    [1],
  );
});

test.serial('no connection is held while the bank thinks', async (t) => {
  const { payments, database } = t.context;
  const gate = Promise.withResolvers<void>();
  let thinking = 0;
  const all = Promise.withResolvers<void>();
  t.context.bank.beforeAnswer = async () => {
    thinking += 1;
    if (thinking === 30) all.resolve();
    await gate.promise;
  };
  // More than the pool has connections.
  const calls = Array.from({ length: 30 }, async () => payments.authorize(await authorization(payments, uuidv7())));
  await all.promise;
  const { rows } = await database.db.query(
    `select from pg_stat_activity where usename = current_user and state like 'idle in transaction%'`,
  );
  t.is(rows.length, 0);
  gate.resolve();
  t.is((await Promise.all(calls)).length, 30);
});

test.serial('an order that was refunded before it paid cannot pay any more', async (t) => {
  const { payments, database } = t.context;
  const orderId = uuidv7();
  t.like(await payments.refund({ orderId }), { paymentId: '', status: PaymentStatus.REFUNDED });
  t.is(await reasonOf(payments.authorize(await authorization(payments, orderId))), 'PAYMENT_REFUNDED');
  t.is(await bankState(database, orderId), 'returned');
});

test.serial('a refund while the bank is being asked leaves nothing set aside', async (t) => {
  const { payments, database } = t.context;
  const orderId = uuidv7();
  const decided = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  t.context.bank.beforeAnswer = async () => {
    decided.resolve();
    await gate.promise;
  };
  const authorizing = reasonOf(payments.authorize(await authorization(payments, orderId)));
  await decided.promise;
  t.is(await bankState(database, orderId), 'approved');
  t.is((await payments.refund({ orderId })).status, PaymentStatus.REFUNDED);
  gate.resolve();
  t.is(await authorizing, 'PAYMENT_REFUNDED');
  t.is(await bankState(database, orderId), 'returned');
});

test.serial('an order pays once, under whatever key', async (t) => {
  const { payments } = t.context;
  const orderId = uuidv7();
  const first = await payments.authorize(await authorization(payments, orderId));
  const second = await payments.authorize(
    await authorization(payments, orderId, { idempotencyKey: `${orderId}/again` }),
  );
  t.is(second.paymentId, first.paymentId);
  const more = await authorization(payments, orderId, {
    idempotencyKey: `${orderId}/more`,
    amount: { currencyCode: 'EUR', units: 999n, nanos: 0 },
  });
  t.is(await codeOf(payments.authorize(more)), Code.AlreadyExists);
});

test.serial('the number of a card is stored nowhere', async (t) => {
  const { payments, database } = t.context;
  const cardNumber = '5105105105105100';
  const orderId = uuidv7();
  await payments.authorize(await authorization(payments, orderId, { cardNumber }));
  const { rows } = await database.db.query<{ card_brand: string; card_last4: string }>(
    'select card_brand, card_last4 from payments where order_id = $1',
    [orderId],
  );
  t.deepEqual({ ...rows[0] }, { card_brand: 'mastercard', card_last4: '5100' });
  const { rows: tables } = await database.db.query<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'payments'`,
  );
  t.true(tables.length > 2);
  for (const { name } of tables) {
    const found = await database.db.query(`select from "${name}" as t where t::text like '%${cardNumber}%'`);
    t.is(found.rowCount, 0, name);
  }
});

test.serial(
  'a token that the bank does not know, or no longer, is refused, but for an answer that is known',
  async (t) => {
    const { payments, database } = t.context;
    const orderId = uuidv7();
    const paid = await authorization(payments, orderId);
    const { paymentId } = await payments.authorize(paid);
    const late = await authorization(payments, uuidv7());
    await database.db.query('update simulated_bank_cards set expires_at = now()');
    t.is((await payments.authorize(paid)).paymentId, paymentId);
    t.is(await reasonOf(payments.authorize(late)), 'UNKNOWN_CARD');
    const invented = { ...(await authorization(payments, uuidv7())), cardToken: 'card_invented' };
    t.is(await reasonOf(payments.authorize(invented)), 'UNKNOWN_CARD');
  },
);

test.serial('what cannot be is refused', async (t) => {
  const { payments } = t.context;
  const { InvalidArgument } = Code;
  const nothing = { currencyCode: 'EUR', units: 0n, nanos: 0 };
  t.is(await codeOf(payments.authorize(await authorization(payments, uuidv7(), { amount: nothing }))), InvalidArgument);
  t.is(await codeOf(payments.tokenizeCard({ cardNumber: 'x' })), InvalidArgument);
  const unknown = { currencyCode: 'XXX', units: 1n, nanos: 0 };
  t.is(await codeOf(payments.authorize(await authorization(payments, uuidv7(), { amount: unknown }))), InvalidArgument);
  t.is(await reasonOf(payments.capture({ orderId: uuidv7() })), 'NEVER_AUTHORIZED');
});

async function authorization(
  payments: Client<typeof PaymentService>,
  orderId: string,
  {
    cardNumber = '4242424242424242',
    ...changes
  }: {
    idempotencyKey?: string;
    cardNumber?: string;
    amount?: { currencyCode: string; units: bigint; nanos: number };
  } = {},
) {
  const { cardToken } = await payments.tokenizeCard({ cardNumber });
  return {
    idempotencyKey: `${orderId}/authorize`,
    orderId,
    amount: { currencyCode: 'EUR', units: 12n, nanos: 500_000_000 },
    cardToken,
    ...changes,
  };
}

async function bankState({ db }: TestDatabase, orderId: string): Promise<string | undefined> {
  const { rows } = await db.query<{ state: string }>('select state from simulated_bank where authorization_key = $1', [
    authorizationKeyOf(orderId),
  ]);
  return rows[0]?.state;
}

async function codeOf(call: Promise<unknown>): Promise<Code | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return ConnectError.from(error).code;
  }
}

async function reasonOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return ConnectError.from(error).findDetails(ErrorInfoSchema)[0]?.reason;
  }
}
