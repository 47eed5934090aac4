import test from 'ava';
import { startTestDatabase } from '../testing/database.ts';
import { connectionFromEnvironment } from './connection-options.ts';
import { iamToken } from './iam-token.ts';
import { postgres } from './postgres.ts';

const aws = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret', AWS_REGION: 'eu-central-1' };

test('a token is a presigned call for this server, port and role', async (t) => {
  Object.assign(process.env, aws);
  const token = await iamToken({ host: 'db.example', port: 5432, user: 'orders' })();
  const url = new URL(`https://${token}`);
  t.is(url.host, 'db.example:5432');
  t.is(url.searchParams.get('Action'), 'connect');
  t.is(url.searchParams.get('DBUser'), 'orders');
  t.is(url.searchParams.get('X-Amz-Expires'), '900');
  t.regex(url.searchParams.get('X-Amz-Credential') ?? '', /^AKIDEXAMPLE\/\d{8}\/eu-central-1\/rds-db\/aws4_request$/);
  t.truthy(url.searchParams.get('X-Amz-Signature'));
});

test('aws-iam takes the place of the password, and needs verified TLS', (t) => {
  const env = { PGUSER: 'orders', WEFT_POSTGRES_AUTH: 'aws-iam', PGPASSWORD: 'unused' };
  t.is(typeof connectionFromEnvironment({ ...env, PGSSLMODE: 'verify-full' }).password, 'function');
  t.throws(() => connectionFromEnvironment(env), { instanceOf: RangeError, message: /must be "verify-full"/ });
  t.throws(() => connectionFromEnvironment({ ...env, WEFT_POSTGRES_AUTH: 'iam' }), {
    message: /"password" or "aws-iam"/,
  });
});

test('a password that changes is asked for with each connection', async (t) => {
  const base = await startTestDatabase({ schema: 'iam' });
  t.teardown(() => base.remove());
  let asked = 0;
  const password = async () => {
    asked++;
    return base.connection.password;
  };
  const db = postgres({ schema: 'iam', migrations: base.directory, connection: { ...base.connection, password } });
  t.teardown(() => db.close());
  await Promise.all([db.query('select pg_sleep(0.2)'), db.query('select pg_sleep(0.2)')]);
  t.is(asked, 2);
});
