import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DevPostgres, startPostgres } from '@weft/dev-postgres';
import test from 'ava';
import pg from 'pg';
import { type Provisioned, provision } from './provision.ts';

let scratch = '';
let server: DevPostgres;
let catalog: Provisioned;
let payments: Provisioned;

test.before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'weft-pg-'));
  server = await startPostgres({ dataDir: join(scratch, 'data') });
  const superuser = new pg.Client({ connectionString: server.adminUrl });
  await superuser.connect();
  await superuser.query("create role cloud_admin login createdb createrole password 'p'");
  await superuser.query('grant connect on database postgres to cloud_admin');
  await superuser.end();
  [catalog, payments] = await Promise.all([
    server.provision({ role: 'bakery_catalog' }),
    server.provision({ role: 'bakery_payments' }),
  ]);
  await as(payments, 'create table cards (number text); insert into cards values ($$4111$$)');
  await as(payments, 'create function secret() returns int language sql as $$ select 1 $$');
  await as(payments, 'create sequence numbers');
});
test.after.always(async () => {
  await server.stop();
  await rm(scratch, { recursive: true, force: true });
});

async function as(who: Provisioned, sql: string, database = who.database): Promise<unknown[]> {
  const { host, port } = server;
  const client = new pg.Client({ host, port, user: who.user, password: who.password, database });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows ?? [];
  } finally {
    await client.end();
  }
}

test('a role works in its own schema without naming it', async (t) => {
  await as(catalog, 'create table products (name text); insert into products values ($$loom$$)');
  t.deepEqual(await as(catalog, 'select name from bakery_catalog.products'), [['loom']]);
  t.deepEqual(await as(catalog, 'select current_schema()::text'), [['bakery_catalog']]);
});

const forbidden: [what: string, sql: string][] = [
  ['read a table of another schema', 'select * from bakery_payments.cards'],
  ['write a table of another schema', 'insert into bakery_payments.cards values ($$1$$)'],
  ['create in another schema', 'create table bakery_payments.mine ()'],
  ['call a function of another schema', 'select bakery_payments.secret()'],
  ['use a sequence of another schema', 'select nextval($$bakery_payments.numbers$$)'],
  ['drop another schema', 'drop schema bakery_payments cascade'],
  ['grant itself a way into another schema', 'grant usage on schema bakery_payments to bakery_catalog'],
  ['create in public', 'create table public.mine ()'],
  ['create a schema', 'create schema mine'],
  ['create a temporary table, which takes room outside of its schema', 'create temporary table mine ()'],
  ['create an extension', 'create extension pg_trgm schema bakery_catalog'],
  ['become another role', 'set role bakery_payments'],
  ['become the superuser', 'set role postgres'],
  ['create a role', 'create role mine'],
  ['create a database', 'create database mine'],
  ['read a file of the server', 'select pg_read_file($$PG_VERSION$$)'],
  ['run a program on the server', 'copy products from program $$id$$'],
];
for (const [what, sql] of forbidden) {
  test(`a role cannot ${what}`, async (t) => {
    const error = await t.throwsAsync(as(catalog, sql), { instanceOf: pg.DatabaseError });
    t.is(error?.code, '42501', error?.message);
  });
}

test('a role sees no row of another schema by the catalogs', async (t) => {
  t.deepEqual(await as(catalog, "select * from information_schema.tables where table_schema = 'bakery_payments'"), []);
  t.deepEqual(await as(catalog, "select * from pg_stats where schemaname = 'bakery_payments'"), []);
});

for (const database of ['postgres', 'template1']) {
  test(`a role cannot connect to ${database}`, async (t) => {
    await t.throwsAsync(as(catalog, 'select 1', database), { message: /permission denied for database/ });
  });
}

test('provisioning again keeps the data and takes the new password', async (t) => {
  await server
    .provision({ role: 'bakery_orders', password: 'first' })
    .then((orders) => as(orders, 'create table kept ()'));
  const again = await server.provision({ role: 'bakery_orders', password: 'second' });
  t.deepEqual(await as(again, 'select count(*)::int from kept'), [[0]]);
  await t.throwsAsync(as({ ...again, password: 'first' }, 'select 1'), { message: /password authentication failed/ });
  t.deepEqual(again.env, {
    PGHOST: '127.0.0.1',
    PGPORT: String(server.port),
    PGUSER: 'bakery_orders',
    PGPASSWORD: 'second',
    PGDATABASE: 'weft',
  });
});

test('a name that is not one is refused', async (t) => {
  await t.throwsAsync(server.provision({ role: 'x; drop schema y' }), { instanceOf: RangeError });
});

test('an administrator who is no superuser provisions too, twice, and keeps no way into the schema', async (t) => {
  const { host, port } = server;
  const admin = { host, port, user: 'cloud_admin', password: 'p' };
  await provision(admin, { role: 'managed_orders', database: 'managed', password: 'first' });
  const orders = await provision(admin, { role: 'managed_orders', database: 'managed', password: 'second' });
  await as(orders, 'create table kept ()');
  t.deepEqual(await as(orders, 'select current_schema()::text, count(*)::int from kept'), [['managed_orders', 0]]);
  const error = await t.throwsAsync(
    as({ ...orders, user: 'cloud_admin', password: 'p' }, 'select from managed_orders.kept'),
    { instanceOf: pg.DatabaseError },
  );
  t.is(error?.code, '42501');
});

test('a password that SASLprep would change is refused', async (t) => {
  await t.throwsAsync(server.provision({ role: 'bakery_orders', password: 'pässword' }), { instanceOf: RangeError });
});
