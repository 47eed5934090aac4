import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Code } from '@connectrpc/connect';
import test from 'ava';
import pg from 'pg';
import { createLogger } from '../log/logger.ts';
import { ServiceError } from '../service-error.ts';
import { startTestDatabase, type TestDatabase } from '../testing/database.ts';
import { MigrationError } from './migration-files.ts';
import { postgres } from './postgres.ts';

let base: TestDatabase;
let directories = 0;

test.before(async () => {
  base = await startTestDatabase({ schema: 'kit' });
});
test.after.always(() => base.remove());

/** A schema of its own for each test, and a directory with these files. */
async function schemaWith(files: Record<string, string>) {
  const name = `m${++directories}`;
  const directory = join(base.directory, name);
  await mkdir(directory);
  const write = async (more: Record<string, string>) => {
    for (const [file, sql] of Object.entries(more)) await writeFile(join(directory, file), sql);
  };
  await write(files);
  const { user, password, database } = await base.server.provision({ role: name });
  const lines: string[] = [];
  const open = () =>
    postgres({
      schema: name,
      migrations: directory,
      connection: { ...base.connection, user, password, database },
      log: createLogger({ write: (line) => void lines.push(line) }),
    });
  return { schema: name, open, write, lines };
}

test('files are applied in order, once, with what is applied recorded and logged', async (t) => {
  const { open, write, lines } = await schemaWith({
    '0001_items.sql': 'create table items (n int); insert into items values (1);',
    'README.md': 'not a migration',
  });
  const db = open();
  t.teardown(() => db.close());
  await db.migrate();
  await write({ '0002_more.sql': 'alter table items add column name text;' });
  await db.migrate();
  await db.migrate();
  t.deepEqual((await db.query('select * from items')).rows, [{ n: 1, name: null }]);
  t.deepEqual((await db.query('select name, length(checksum) as length from schema_migrations order by name')).rows, [
    { name: '0001_items.sql', length: 64 },
    { name: '0002_more.sql', length: 64 },
  ]);
  t.deepEqual((await db.query('select name from kit_migrations')).rows, [{ name: '0001_idempotency_keys.sql' }]);
  const logged = lines.map((line) => JSON.parse(line)).filter((line) => line.msg === 'migrated');
  t.deepEqual(
    logged.map((line) => line.migration),
    ['0001_idempotency_keys.sql', '0001_items.sql', '0002_more.sql'],
  );
});

test('replicas that start at once apply each file once', async (t) => {
  const { open } = await schemaWith({
    '0001_slow.sql': 'create table once (n int); select pg_sleep(0.1); insert into once values (1);',
  });
  const replicas = Array.from({ length: 5 }, open);
  t.teardown(() => Promise.all(replicas.map((db) => db.close())));
  await Promise.all(replicas.map((db) => db.migrate()));
  t.deepEqual((await replicas[0]?.query('select n from once'))?.rows, [{ n: 1 }]);
});

test('a file that fails leaves nothing, what came before it stays, and its mended form is applied', async (t) => {
  const { open, write } = await schemaWith({
    '0001_good.sql': 'create table good ();',
    '0002_bad.sql': 'create table half (); select no_such_function();',
  });
  const db = open();
  t.teardown(() => db.close());
  const error = await t.throwsAsync(db.migrate(), { instanceOf: pg.DatabaseError });
  t.regex(error?.message ?? '', /^migration 0002_bad\.sql: function no_such_function\(\) does not exist/);
  t.is(
    (await db.query("select to_regclass('good')::text as good, to_regclass('half')::text as half")).rows[0]?.half,
    null,
  );
  await write({ '0002_bad.sql': 'create table half ();' });
  await db.migrate();
  t.is((await db.query('select * from half')).rowCount, 0);
});

const refused: [what: string, files: Record<string, string>, message: string][] = [
  ['a gap', { '0001_a.sql': '', '0003_c.sql': '' }, 'migration 0002 is missing before 0003_c.sql'],
  [
    'a number twice',
    { '0001_a.sql': '', '0001_b.sql': '' },
    'migrations 0001_a.sql and 0001_b.sql have the same number; renumber the newer one',
  ],
  [
    'a name of another form',
    { '1-first.sql': '' },
    'migration 1-first.sql must be named like 0001_orders.sql: four digits and lower-case words',
  ],
  [
    'a file that commits',
    { '0001_a.sql': 'create table a (); commit;' },
    'migration 0001_a.sql ends the transaction that it runs in; remove its commit or rollback',
  ],
];
for (const [what, files, message] of refused) {
  test(`${what} is refused`, async (t) => {
    const { open } = await schemaWith(files);
    const db = open();
    t.teardown(() => db.close());
    await t.throwsAsync(db.migrate(), { instanceOf: MigrationError, message });
  });
}

test('a file changed after it was applied is refused', async (t) => {
  const { open, write } = await schemaWith({ '0001_a.sql': 'create table a ();' });
  const db = open();
  t.teardown(() => db.close());
  await db.migrate();
  await write({ '0001_a.sql': 'create table a (n int);' });
  await t.throwsAsync(db.migrate(), {
    instanceOf: MigrationError,
    message: 'migration 0001_a.sql was changed after it was applied; undo that and add a new one',
  });
});

test('a file renamed after it was applied is refused, and a newer schema is only logged', async (t) => {
  const { open, write, lines } = await schemaWith({ '0001_a.sql': '' });
  const db = open();
  t.teardown(() => db.close());
  await db.migrate();
  await db.query("insert into schema_migrations values ('0002_later.sql', 'x')");
  await db.migrate();
  t.true(lines.some((line) => line.includes('the schema is newer than this version')));
  await write({ '0002_b.sql': '' });
  await t.throwsAsync(db.migrate(), {
    instanceOf: MigrationError,
    message: /0002_later\.sql was applied but is not there/,
  });
});

test('waiting for another replica ends with the signal', async (t) => {
  const { open, schema } = await schemaWith({});
  const db = open();
  const other = new pg.Client({ connectionString: base.server.adminUrl.replace(/postgres$/, 'weft') });
  t.teardown(() => Promise.all([db.close(), other.end()]));
  await other.connect();
  await other.query("select pg_advisory_lock(hashtextextended('weft.migrate.' || $1, 0))", [schema]);
  await t.throwsAsync(db.migrate(AbortSignal.timeout(200)), { instanceOf: ServiceError, code: Code.Unavailable });
  await other.query('select pg_advisory_unlock_all()');
  await db.migrate();
});

// Serial: what it measures ends in time only if no other test keeps the server busy.
test.serial('a check waits for the migration of its own process, and then succeeds at once', async (t) => {
  const { open } = await schemaWith({ '0001_a.sql': 'create table a (n int)' });
  const db = open();
  t.teardown(() => db.close());
  const migrated = db.migrate();
  await t.notThrowsAsync(db.check());
  await migrated;
});
