import { join } from 'node:path';
import { Code } from '@connectrpc/connect';
import { startPostgres } from '@weft/dev-postgres';
import { OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import test from 'ava';
import pg from 'pg';
import { client } from '../client.ts';
import { runAsCall } from '../current-call.ts';
import { ServiceError } from '../service-error.ts';
import { testCall } from '../test-call.ts';
import { startTestDatabase, type TestDatabase } from '../testing/database.ts';
import type { Database } from './database.ts';
import { postgres } from './postgres.ts';
import { currentTransaction } from './transaction-scope.ts';

let base: TestDatabase;
let db: Database;

test.before(async () => {
  base = await startTestDatabase({ schema: 'kit' });
  db = base.open();
  await db.migrate();
  await db.query('create table counters (name text primary key, n bigint not null)');
});
test.after.always(() => base.remove());

/** What the server is running for the role, this question excluded. */
async function running(): Promise<string[]> {
  const { rows } = await db.query<{ query: string }>(
    "select query from pg_stat_activity where state <> 'idle' and pid <> pg_backend_pid() and usename = current_user",
    [],
  );
  return rows.map((row) => row.query);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

function orderCall(options: { deadlineMs?: number; signal?: AbortSignal }) {
  return testCall(OrderService.method.getOrder, options);
}

const code = (wanted: Code) => ({ instanceOf: ServiceError, code: wanted });

test('values come as they are meant', async (t) => {
  const { rows, rowCount } = await db.query(
    "select 9007199254740993::bigint as big, 1.10::numeric as exact, date '2026-02-03' as day, '{\"a\":1}'::jsonb as json, $1::text as text",
    ["'; drop table counters; --"],
  );
  t.is(rowCount, 1);
  t.deepEqual(rows[0], {
    big: 9007199254740993n,
    exact: '1.10',
    day: '2026-02-03',
    json: { a: 1 },
    text: "'; drop table counters; --",
  });
});

test('a query and a transaction end with the deadline of the call, on the server too', async (t) => {
  const call = orderCall({ deadlineMs: 150 });
  await runAsCall(call, () => t.throwsAsync(db.query('select pg_sleep(31), 1 as query'), code(Code.DeadlineExceeded)));
  const other = orderCall({ deadlineMs: 150 });
  await runAsCall(other, () =>
    t.throwsAsync(
      db.transaction((tx) => tx.query('select pg_sleep(31), 1 as transaction')),
      code(Code.DeadlineExceeded),
    ),
  );
  await until(async () => !(await running()).some((query) => query.includes('pg_sleep(31)')));
  await runAsCall(other, () => t.throwsAsync(db.query('select 1'), code(Code.DeadlineExceeded)));
});

test('the server itself ends a statement by the deadline that is left', async (t) => {
  const call = { ...orderCall({}), timeoutMs: () => 4_930 };
  const own = await runAsCall(call, () => db.query('show statement_timeout'));
  t.deepEqual(own.rows, [{ statement_timeout: '5s' }]);
  const inside = await runAsCall(call, () => db.transaction((tx) => tx.query('show statement_timeout')));
  t.deepEqual(inside.rows, [{ statement_timeout: '5s' }]);
  t.deepEqual((await db.query('show statement_timeout')).rows, [{ statement_timeout: '30s' }]);
  // Without a signal to end it early, as when this process is stuck.
  const stuck = { ...call, signal: new AbortController().signal, timeoutMs: () => 100 };
  const error = await runAsCall(stuck, () =>
    t.throwsAsync(db.query('select pg_sleep(32)'), code(Code.DeadlineExceeded)),
  );
  t.true(error?.cause instanceof pg.DatabaseError);
});

test('a caller that hangs up cancels its query on the server, and the connection is used again', async (t) => {
  const alone = base.open({ maxConnections: 1 });
  const pid = (await alone.query('select pg_backend_pid() as pid')).rows;
  const hangUp = new AbortController();
  const query = runAsCall(orderCall({ signal: hangUp.signal }), () => alone.query('select pg_sleep(33)'));
  await until(async () => (await running()).some((text) => text.includes('pg_sleep(33)')));
  hangUp.abort();
  await t.throwsAsync(query, code(Code.Canceled));
  t.deepEqual((await alone.query('select pg_backend_pid() as pid')).rows, pid);
  t.false((await running()).some((text) => text.includes('pg_sleep(33)')));
});

test('a cancelled transaction leaves nothing behind', async (t) => {
  const hangUp = new AbortController();
  const transaction = runAsCall(orderCall({ signal: hangUp.signal }), () =>
    db.transaction(async (tx) => {
      await tx.query("insert into counters values ('cancelled', 1)");
      await tx.query('select pg_sleep(34)');
    }),
  );
  await until(async () => (await running()).some((text) => text.includes('pg_sleep(34)')));
  hangUp.abort();
  await t.throwsAsync(transaction, code(Code.Canceled));
  await until(async () => !(await running()).some((text) => text.includes('pg_sleep(34)')));
  t.is((await db.query("select 1 from counters where name = 'cancelled'")).rowCount, 0);
});

test('counting under serializable isolation loses no count: what collides runs again', async (t) => {
  await db.query("insert into counters values ('shared', 0)");
  let retries = 0;
  await Promise.all(
    Array.from({ length: 4 }, () =>
      db.transaction(
        async (tx) => {
          if (tx.retried) retries++;
          const { rows } = await tx.query<{ n: bigint }>("select n from counters where name = 'shared'");
          await tx.query("update counters set n = $1 where name = 'shared'", [(rows[0]?.n ?? 0n) + 1n]);
        },
        { isolation: 'serializable' },
      ),
    ),
  );
  t.deepEqual((await db.query("select n from counters where name = 'shared'")).rows, [{ n: 4n }]);
  t.true(retries > 0);
});

test('a deadlock is resolved by running the loser again', async (t) => {
  await db.query("insert into counters values ('left', 0), ('right', 0)");
  const add = (first: string, second: string) =>
    db.transaction(async (tx) => {
      await tx.query('update counters set n = n + 1 where name = $1', [first]);
      await tx.query('select pg_sleep(0.05)');
      await tx.query('update counters set n = n + 1 where name = $1', [second]);
    });
  await Promise.all([add('left', 'right'), add('right', 'left')]);
  t.deepEqual((await db.query("select n from counters where name in ('left', 'right')")).rows, [{ n: 2n }, { n: 2n }]);
});

test('endless serialization failures end as ABORTED', async (t) => {
  let tries = 0;
  const failing = db.transaction(async (tx) => {
    tries++;
    await tx.query("do $$ begin raise exception using errcode = '40001'; end $$").catch(() => {});
    throw new Error('what fn makes of it does not matter');
  });
  await t.throwsAsync(failing, code(Code.Aborted));
  t.is(tries, 5);
});

test('an error rolls back, and one that was swallowed is not committed over', async (t) => {
  await t.throwsAsync(
    db.transaction(async (tx) => {
      await tx.query("insert into counters values ('thrown', 1)");
      throw new RangeError('no');
    }),
    { instanceOf: RangeError },
  );
  const swallowed = await t.throwsAsync(
    db.transaction(async (tx) => {
      await tx.query("insert into counters values ('swallowed', 1)");
      await tx.query('select 1/0').catch(() => {});
    }),
    { instanceOf: pg.DatabaseError },
  );
  t.is(swallowed?.code, '22012');
  t.is((await db.query("select 1 from counters where name in ('thrown', 'swallowed')")).rowCount, 0);
});

test('inside a transaction only its tx may be used, so that the pool cannot be drained by itself', async (t) => {
  await db.transaction(async () => {
    t.is(currentTransaction(), 'kit');
    await t.throwsAsync(db.query('select 1'), { message: /inside a transaction use its tx/ });
    await t.throwsAsync(
      db.transaction(async () => {}),
      { message: /inside a transaction use its tx/ },
    );
  });
  t.is(currentTransaction(), undefined);
  const orders = client(OrderService, { outbound: '127.0.0.1:1' });
  const error = await t.throwsAsync(db.transaction(async () => void (await orders.getOrder({}))));
  t.regex(error?.message ?? '', /bakery\.orders must not be called within a transaction on kit/);
  let leaked: (() => Promise<unknown>) | undefined;
  await db.transaction(async (tx) => {
    leaked = () => tx.query('select 1');
  });
  await t.throwsAsync(async () => leaked?.(), { message: /after the end of its transaction/ });
});

test('a caller does not wait for a connection longer than its deadline', async (t) => {
  const alone = base.open({ maxConnections: 1 });
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  const holder = alone.transaction(() => held);
  const call = orderCall({ deadlineMs: 100 });
  await runAsCall(call, () => t.throwsAsync(alone.query('select 1'), code(Code.DeadlineExceeded)));
  letGo();
  await holder;
  t.is((await alone.query('select 1')).rowCount, 1);
});

test('a migration under a prepared statement does not fail it', async (t) => {
  const pair = base.open({ maxConnections: 2 });
  await pair.query('create table widened (a int)');
  const read = () => pair.query('select * from widened where $1', [true]);
  await Promise.all([read(), read()]);
  await pair.query('alter table widened add column b int');
  await pair.query('insert into widened values (1, 2)');
  t.deepEqual((await read()).rows, [{ a: 1, b: 2 }]);
  await Promise.all([read(), read()]);
});

test('a changed plan does not fail a transaction, on any connection of the pool', async (t) => {
  await db.query('create table altered (id int primary key, v int)');
  await db.query('insert into altered values (1, 1)');
  const uses: Record<string, (pool: Database) => Promise<unknown>> = {
    select: (pool) => pool.transaction((tx) => tx.query('select * from altered where id = $1', [1])),
    update: (pool) => pool.transaction((tx) => tx.query('update altered set v = $1 where id = $2', [2, 1])),
    // Swallowed by fn: the commit tells.
    swallowed: (pool) =>
      pool.transaction((tx) => tx.query('select v from altered where id = $1', [1]).catch(() => 'swallowed')),
    query: (pool) => pool.query('select id, v from altered where id = $1', [1]),
  };
  const pool = base.open({ maxConnections: 3 });
  const barrier = (n: number) => Promise.all(Array.from({ length: n }, () => pool.query('select pg_sleep(0.05)')));
  for (const change of ['alter column v type bigint', 'alter column v type text', 'alter column id type text']) {
    // All three connections hold all plans.
    for (const use of Object.values(uses))
      for (let round = 0; round < 3; round++) await Promise.all([use(pool), use(pool), use(pool), barrier(1)]);
    await db.query(`alter table altered ${change}`);
    for (const [name, use] of Object.entries(uses))
      for (let times = 0; times < 4; times++) await t.notThrowsAsync(use(pool), `${change}: ${name}`);
  }
  // What is wrong without any plan fails at once.
  let tries = 0;
  const wrong = pool.transaction((tx) => {
    tries += 1;
    return tx.query('select v + $1::int from altered', [1]);
  });
  t.is((await t.throwsAsync(wrong, { instanceOf: pg.DatabaseError }))?.code, '42883');
  t.is(tries, 1);
});

test('text with a zero character is the caller’s mistake', async (t) => {
  await t.throwsAsync(db.query('select $1::text', ['a\0b']), code(Code.InvalidArgument));
});

test('what a handler may want to tell apart stays pg’s error', async (t) => {
  await db.query("insert into counters values ('unique', 1)");
  const error = await t.throwsAsync(db.query("insert into counters values ('unique', 1)"), {
    instanceOf: pg.DatabaseError,
  });
  t.is(error?.code, '23505');
});

test('a role cannot use, nor even see by its own pool, the schema of another', async (t) => {
  const { user, password } = await base.server.provision({ role: 'other' });
  const client = new pg.Client({ ...base.connection, user, password, ssl: false });
  await client.connect();
  await client.query('create table secrets (n int); insert into secrets values (1)');
  await client.end();
  for (const sql of [
    'select * from other.secrets',
    'create table other.mine ()',
    'create table public.mine ()',
    'create schema mine',
    'set role other',
  ]) {
    const error = await t.throwsAsync(db.query(sql), { instanceOf: pg.DatabaseError }, sql);
    t.is(error?.code, '42501', sql);
  }
  t.is((await db.query("select 1 from information_schema.tables where table_schema = 'other'")).rowCount, 0);
});

test('PostgreSQL away: UNAVAILABLE with a clear sentence; back: goes on by itself', async (t) => {
  const own = await startTestDatabase({ schema: 'kit' });
  try {
    const replica = own.open();
    await replica.query('create table kept (n int)');
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const { promise: gone, resolve: go } = Promise.withResolvers<void>();
    const cut = replica.transaction(async (tx) => {
      await tx.query('insert into kept values (1)');
      begin();
      await gone;
      await tx.query('insert into kept values (2)');
    });
    cut.catch(() => {});
    await begun;
    await own.server.stop();
    go();
    const error = await t.throwsAsync(cut, code(Code.Unavailable));
    t.is(error?.message, 'kit: the database is not reachable; try again');
    await t.throwsAsync(replica.query('select 1'), code(Code.Unavailable));
    for (const ms of [1, 20, 50, 100, 101, 102, 200]) {
      await t.throwsAsync(replica.migrate(AbortSignal.timeout(ms)), code(Code.Unavailable), `${ms} ms`);
    }
    await until(() =>
      replica.check().then(
        () => false,
        () => true,
      ),
    );
    const migrated = replica.migrate();
    const waiting = replica.query('select n from kept');
    await t.throwsAsync(replica.check(), code(Code.Unavailable));
    const again = await startPostgres({ dataDir: join(own.directory, 'data'), port: own.server.port });
    try {
      await migrated;
      t.deepEqual((await waiting).rows, [], 'a statement waits with it');
      await replica.check();
      t.deepEqual((await replica.query('select n from kept')).rows, []);
    } finally {
      await replica.close();
      await again.stop();
    }
    t.true(own.lines.every((line) => !line.includes(own.connection.password)));
  } finally {
    await own.remove();
  }
});

test('a wrong password is not told to callers', async (t) => {
  const stranger = postgres({
    schema: 'kit',
    migrations: base.directory,
    connection: { ...base.connection, password: 'guess' },
  });
  const error = await t.throwsAsync(stranger.query('select 1'), code(Code.Unavailable));
  t.is(error?.message, 'kit: the database is not reachable; try again');
  await stranger.close();
});
