/**
 * Orders confirmed a second, placed through the edge of a whole mesh and carried out by its four services, against the SQL of
 * those orders by itself: some orders are placed one by one while PostgreSQL logs every statement with its parameters; their
 * statements, transactions included, are then said again by a plain driver with new ids, as many orders at once, to a second
 * database with the same schemas on the same server.
 *
 * In the replay: every statement that an order causes in the four services, from the first to the last that names it, with the
 * same prepared statements, transactions and settings. Not in it: HTTP, protobuf, Envoy, TLS, validation, the simulated bank's
 * thinking time, polls for work while there is none, and the sockets on which order states are announced.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { OrderStatus } from '@shop/orders-contract/v1';
import pg from 'pg';
import { startMesh } from '../tests/mesh.ts';
import { goodOrder, shopAt } from '../tests/shop.ts';
import { queryAs } from '../tests/sql.ts';
import { Cleanup } from './cleanup.ts';
import { compare, spread } from './pairs.ts';
import { type RecordedOrder, recordOrder, replayOrder } from './recorded-order.ts';
import { createReplicaDatabase, type MeshPostgres, openMeshPostgres, roles } from './replica-database.ts';
import { logLinePrefix, readStatements } from './statement-log.ts';

const atOnce = Number(process.env.CONCURRENCY ?? 16);
const roundMs = Number(process.env.SECONDS_EACH ?? 5) * 1000;
const rounds = Number(process.env.ROUNDS ?? 5);
const recorded = 20;
const replica = 'bench_replica';
// Migrations tell the log what they do.
process.env.LOG_LEVEL ??= 'warn';

const cleanup = new Cleanup();
try {
  const mesh = await startMesh();
  cleanup.teardown(() => mesh.stop());
  const postgres = await openMeshPostgres(mesh);
  cleanup.teardown(() => postgres.admin.end());
  const { orders } = shopAt(mesh.edge);

  const sold = await queryAs(
    mesh,
    'catalog',
    "select sku from products where currency_code = 'EUR' and sku < 'WFT-0500'",
  );
  const shelf = sold.map((row) => String(Object(row).sku));

  /** Of products that are all over the shelf, so that orders seldom wait for each other. */
  const newOrder = () => {
    const skus = new Set<string>();
    while (skus.size < 2) skus.add(shelf[Math.floor(Math.random() * shelf.length)] ?? '');
    return { ...goodOrder(), items: [...skus].map((of) => ({ sku: of, quantity: 1 })) };
  };
  const place = async (request: ReturnType<typeof newOrder>) => {
    const { order } = await orders.placeOrder(request, { timeoutMs: 20_000 });
    if (order?.status !== OrderStatus.CONFIRMED) throw new Error(`an order is ${order?.status}: ${order?.reason}`);
    return order.orderId;
  };
  const aSecond = async (one: () => Promise<unknown>) => {
    const begin = performance.now();
    let done = 0;
    const worker = async () => {
      while (performance.now() - begin < roundMs) {
        await one();
        done += 1;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    return (done * 1000) / (performance.now() - begin);
  };
  const warmUp = () => Promise.all(Array.from({ length: atOnce }, () => retried(() => place(newOrder()))));

  await setLogging(postgres, true);
  await warmUp();
  const templates: RecordedOrder[] = [];
  const marker = randomUUID();
  await postgres.admin.query("set log_statement = 'all'");
  const ids: (readonly string[])[] = [];
  for (let i = 0; i < recorded; i++) {
    await postgres.admin.query(`select '${marker} ${i}'`);
    const request = newOrder();
    ids.push([await place(request), request.idempotencyKey, request.customerId]);
    // What an order still has to say after its answer.
    await sleep(100);
  }
  await postgres.admin.query(`select '${marker} ${recorded}'`);
  const log = readStatements(await untilLogged(() => mesh.log('postgres'), `${marker} ${recorded}`));
  const starts = log.flatMap(({ text }, index) => (text.includes(marker) ? index : []));
  for (const [i, own] of ids.entries()) {
    const between = log.slice((starts[i] ?? 0) + 1, starts[i + 1]).filter(({ role }) => isService(role));
    templates.push(recordOrder(between, (text) => own.some((id) => text.includes(id))));
  }
  await setLogging(postgres, false);
  await warmUp();

  await createReplicaDatabase(postgres, replica);
  const pools = new Map<string, pg.Pool>();
  for (const role of roles) {
    const pool = new pg.Pool({ ...(await postgres.connection(role, replica)), max: 10, min: 10, pipeline: true });
    pool.on('error', () => {});
    cleanup.teardown(() => pool.end());
    pools.set(role, pool);
  }
  let next = 0;
  const replay = () => {
    const template = templates[next++ % templates.length];
    if (template === undefined) throw new Error('orders: nothing was recorded');
    return replayOrder(template, pools);
  };
  await replay();
  await checkReplica(postgres, 1);

  const sizes = templates.map(({ statements }) => statements);
  console.log(`statements an order: ${spread(sizes, '')} in ${templates[0]?.units.length} transactions or alone`);
  const { ratio, a, b } = await compare(
    () => aSecond(() => place(newOrder())),
    () => aSecond(replay),
    rounds,
  );
  await checkReplica(postgres, next);
  console.log(`through the mesh  ${spread(a, 'orders/s')}  (${atOnce} at once)`);
  console.log(`the SQL alone     ${spread(b, 'orders/s')}`);
  console.log(`ratio orders/sql ${ratio.toFixed(3)}`);
} finally {
  await cleanup.run();
}

function isService(role: string): boolean {
  return roles.some((known) => known === role);
}

/** Turns the log of all statements on or off for the services, whose connections begin anew for that. */
async function setLogging({ admin }: MeshPostgres, on: boolean): Promise<void> {
  await admin.query(`alter system ${on ? `set log_line_prefix = '${logLinePrefix}'` : 'reset log_line_prefix'}`);
  await admin.query('select pg_reload_conf()');
  for (const role of roles) {
    await admin.query(`alter role ${role} ${on ? "set log_statement = 'all'" : 'reset log_statement'}`);
    await admin.query(`alter role ${role} ${on ? "set log_error_verbosity = 'default'" : 'reset log_error_verbosity'}`);
  }
  await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = any($1)', [[...roles]]);
}

/** The replay must leave behind what orders leave behind; one that only failed would be fast. */
async function checkReplica({ admin, connection }: MeshPostgres, least: number): Promise<void> {
  const { host, port } = await connection('orders', replica);
  const inside = new pg.Client({
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    user: 'postgres',
    password: String(admin.password),
    database: replica,
  });
  await inside.connect();
  const { rows } = await inside.query("select count(*)::int as n from orders.orders where status = 'confirmed'");
  await inside.end();
  if (rows[0]?.n < least) throw new Error(`the replay confirmed ${rows[0]?.n} orders of ${least}`);
}

async function untilLogged(read: () => Promise<string>, text: string): Promise<string> {
  for (let left = 200; left > 0; left--) {
    const log = await read();
    if (log.includes(text)) return log;
    await sleep(50);
  }
  throw new Error('orders: PostgreSQL has not logged what it was told to log');
}

/** A service whose connections were all cut says UNAVAILABLE once. */
async function retried<T>(call: () => Promise<T>): Promise<T> {
  for (let left = 20; ; left--) {
    try {
      return await call();
    } catch (error) {
      if (left === 0) throw error;
      await sleep(250);
    }
  }
}
