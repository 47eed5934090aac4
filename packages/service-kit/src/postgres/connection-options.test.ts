import test from 'ava';
import { connectionFromEnvironment } from './connection-options.ts';

test('libpq’s variables and their defaults', (t) => {
  t.deepEqual(connectionFromEnvironment({ PGUSER: 'orders' }), {
    host: '127.0.0.1',
    port: 5432,
    user: 'orders',
    password: '',
    database: 'orders',
    tls: false,
  });
  t.like(
    connectionFromEnvironment({ PGUSER: 'a', PGHOST: 'db', PGPORT: '6432', PGDATABASE: 'bakery', PGPASSWORD: 'x' }),
    {
      host: 'db',
      port: 6432,
      database: 'bakery',
      password: 'x',
    },
  );
  t.true(connectionFromEnvironment({ PGUSER: 'a', PGSSLMODE: 'verify-full' }).tls);
});

for (const [name, env, message] of [
  ['no role', {}, /PGUSER is not set/],
  ['a port that is none', { PGUSER: 'a', PGPORT: '70000' }, /PGPORT "70000" must be a number between 1 and 65535/],
  ['TLS that accepts anyone', { PGUSER: 'a', PGSSLMODE: 'require' }, /PGSSLMODE "require" must be/],
] as const) {
  test(`${name} is refused`, (t) => {
    t.throws(() => connectionFromEnvironment(env), { instanceOf: RangeError, message });
  });
}
