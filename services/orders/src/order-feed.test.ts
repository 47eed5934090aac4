import { connectionFromEnvironment, createLogger, logger, uuidv7 } from '@weft/service-kit';
import { startTestDatabase, type TestDatabase } from '@weft/service-kit/testing';
import ava, { type TestFn } from 'ava';
import { OrderFeed } from './order-feed.ts';
import { until } from './testing/until.ts';

const test = ava as TestFn<{ database: TestDatabase; here: OrderFeed; there: OrderFeed; placed: { count: number } }>;

/** Longer than any test takes: only a notification can end the wait. */
const neverMs = 600_000;

test.before(async (t) => {
  const database = await startTestDatabase({
    schema: 'orders',
    migrations: new URL('../migrations/', import.meta.url),
  });
  const placed = { count: 0 };
  const options = { db: database.db, connection: database.connection, log: logger() };
  const here = new OrderFeed({ ...options, onPlaced: () => {} });
  const there = new OrderFeed({ ...options, onPlaced: () => (placed.count += 1) });
  t.context = { database, here, there, placed };
  await until(async () => (await listeners(database)) === 2);
});

test.after.always(async (t) => {
  await t.context.here?.close();
  await t.context.there?.close();
  await t.context.database?.remove();
});

test.serial('a change wakes those who wait for this order, here and on other replicas', async (t) => {
  const { here, there } = t.context;
  const { signal } = new AbortController();
  const orderId = uuidv7();
  const mine = here.subscribe(orderId);
  const theirs = there.subscribe(orderId);
  const other = there.subscribe(uuidv7());
  let otherWoke = false;
  const abort = new AbortController();
  const otherWaits = other.changed(neverMs, abort.signal).then(() => {
    otherWoke = true;
  });
  here.changed(orderId);
  await mine.changed(neverMs, signal);
  await theirs.changed(neverMs, signal);
  t.false(otherWoke);
  abort.abort();
  await t.throwsAsync(otherWaits);
  for (const subscription of [mine, theirs, other]) subscription.close();
});

test.serial('more changes at once than one notification has room for all arrive', async (t) => {
  const { here, there } = t.context;
  const { signal } = new AbortController();
  const ids = Array.from({ length: 1_000 }, () => uuidv7());
  const subscriptions = ids.map((id) => there.subscribe(id));
  for (const id of ids) here.changed(id);
  await Promise.all(subscriptions.map((subscription) => subscription.changed(neverMs, signal)));
  for (const subscription of subscriptions) subscription.close();
  t.pass();
});

test.serial('a wait ends after its time, and when it is aborted', async (t) => {
  const subscription = t.context.here.subscribe(uuidv7());
  await subscription.changed(1, new AbortController().signal);
  const abort = new AbortController();
  const waiting = subscription.changed(neverMs, abort.signal);
  abort.abort(new Error('enough'));
  await t.throwsAsync(waiting, { message: 'enough' });
  subscription.close();
});

test.serial('an order that is placed here wakes other replicas', async (t) => {
  const { here, placed } = t.context;
  const before = placed.count;
  here.placed();
  await until(() => placed.count > before);
  t.pass();
});

test.serial('a connection that is lost is made again, and whoever waits looks again', async (t) => {
  const { database, here, there, placed } = t.context;
  const { signal } = new AbortController();
  const orderId = uuidv7();
  const subscription = there.subscribe(orderId);
  const before = placed.count;
  const waiting = subscription.changed(neverMs, signal);
  await database.db.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where usename = current_user and query ilike 'listen %'`,
  );
  // Nothing was announced, but something may have been missed.
  await waiting;
  await until(() => placed.count > before);
  await until(async () => (await listeners(database)) === 2);
  here.changed(orderId);
  await subscription.changed(neverMs, signal);
  subscription.close();
  t.pass();
});

async function listeners({ db }: TestDatabase): Promise<number> {
  const { rowCount } = await db.query(
    `select from pg_stat_activity where usename = current_user and state = 'idle' and query ilike 'listen "orders_placed"%'`,
  );
  return rowCount;
}

test.serial('a connection that listens asks for a password each time that it is made, as the pool does', async (t) => {
  const { database } = t.context;
  let asked = 0;
  const password = async () => {
    asked += 1;
    return database.connection.password;
  };
  const feed = new OrderFeed({
    db: database.db,
    connection: { ...database.connection, password },
    log: logger(),
    onPlaced: () => {},
  });
  t.teardown(() => feed.close());
  await until(async () => (await listeners(database)) === 3);
  t.is(asked, 1);
  await database.db.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where usename = current_user and query ilike 'listen %'`,
  );
  await until(async () => asked === 2 && (await listeners(database)) === 3);
  t.pass();
});

test.serial('IAM authentication in the environment is for the connection that listens, too', async (t) => {
  const { database } = t.context;
  const lines: string[] = [];
  const iam = { ...process.env, WEFT_POSTGRES_AUTH: 'aws-iam', PGSSLMODE: 'verify-full' };
  const feed = new OrderFeed({
    db: database.db,
    connection: connectionFromEnvironment(iam),
    log: createLogger({ write: (line) => void lines.push(line) }),
    onPlaced: () => {},
  });
  t.teardown(() => feed.close());
  // The test's server has no TLS, and a token never goes over plain text.
  await until(() => lines.some((line) => line.includes('does not support SSL')));
  t.pass();
});
