import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import pg from 'pg';
import { DevPostgresError } from './dev-postgres-error.ts';
import { runningServer, stopRunningServer } from './running-server.ts';
import { type DevPostgres, startPostgres } from './start-postgres.ts';

let scratch = '';
const servers: DevPostgres[] = [];

test.before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'weft-pg-'));
});
test.after.always(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await rm(scratch, { recursive: true, force: true });
});

async function start(name: string, port?: number): Promise<DevPostgres> {
  const server = await startPostgres({ dataDir: join(scratch, name), ...(port === undefined ? {} : { port }) });
  servers.push(server);
  return server;
}

async function query(connectionString: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}

test.serial('what was committed survives a stop and a kill, on the same port', async (t) => {
  const first = await start('data');
  await query(first.adminUrl, 'create table kept (n int); insert into kept values (1)');
  await first.stop();
  t.is(await first.exited, undefined);

  const second = await start('data', first.port);
  t.is(second.port, first.port);
  await query(second.adminUrl, 'insert into kept values (2)');
  await second.kill();
  t.true((await readdir(join(scratch, 'data'))).includes('postmaster.pid'), 'a kill leaves the file behind');
  t.is(await runningServer(join(scratch, 'data')), undefined);

  const third = await start('data', first.port);
  t.deepEqual(await query(third.adminUrl, 'select n from kept order by n'), [[1], [2]]);
  await third.stop();
});

test.serial('settings are durable, passwords SCRAM, and only 127.0.0.1 listens', async (t) => {
  const server = await start('data');
  const settings = await query(
    server.adminUrl,
    `select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes',
       'listen_addresses', 'max_connections', 'password_encryption') order by name`,
  );
  t.deepEqual(settings, [
    ['fsync', 'on'],
    ['full_page_writes', 'on'],
    ['listen_addresses', '127.0.0.1'],
    ['max_connections', '200'],
    ['password_encryption', 'scram-sha-256'],
    ['synchronous_commit', 'on'],
  ]);
  t.deepEqual(await query(server.adminUrl, "select distinct auth_method from pg_hba_file_rules where type <> 'x'"), [
    ['scram-sha-256'],
  ]);
  const wrong = server.adminUrl.replace(/:[^:@]+@/, ':wrong@');
  await t.throwsAsync(query(wrong, 'select 1'), { message: /password authentication failed/ });
  await server.stop();
});

test.serial('a directory in use is refused, and its server can be stopped by the directory alone', async (t) => {
  const server = await start('data');
  const error = await t.throwsAsync(start('data'), { instanceOf: DevPostgresError });
  t.is(error?.message, `PostgreSQL already runs on ${join(scratch, 'data')} (process ${server.pid}); stop it first`);
  await stopRunningServer(join(scratch, 'data'));
  t.is(await runningServer(join(scratch, 'data')), undefined);
});

test.serial('a taken port is one sentence', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const error = await t.throwsAsync(start('data', port), { instanceOf: DevPostgresError });
  t.is(
    error?.message,
    `PostgreSQL cannot listen on 127.0.0.1:${port}: another program does; stop it or choose another port`,
  );
  other.close();
});

test.serial('a directory of another version and one with other files are left alone', async (t) => {
  await mkdir(join(scratch, 'old'));
  await writeFile(join(scratch, 'old', 'PG_VERSION'), '17\n');
  await t.throwsAsync(start('old'), { instanceOf: DevPostgresError, message: /made by PostgreSQL 17 and this is 18/ });

  await mkdir(join(scratch, 'photos'));
  await writeFile(join(scratch, 'photos', 'cat.jpg'), '');
  await t.throwsAsync(start('photos'), { instanceOf: DevPostgresError, message: /not empty/ });
  t.deepEqual(await readdir(join(scratch, 'photos')), ['cat.jpg']);
  t.deepEqual(
    (await readdir(scratch)).filter((name) => name.endsWith('.new')),
    [],
  );
});

test.serial('a signal stops the server', async (t) => {
  const controller = new AbortController();
  const server = await startPostgres({ dataDir: join(scratch, 'data'), signal: controller.signal });
  controller.abort();
  t.is(await server.exited, undefined);
  await t.throwsAsync(startPostgres({ dataDir: join(scratch, 'data'), signal: controller.signal }), {
    name: 'AbortError',
  });
});
