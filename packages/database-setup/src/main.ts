import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { apiOfThisPod, keepCredentials } from './kubernetes-secrets.ts';
import { type AdminConnection, provision } from './provision.ts';
import { readSetup } from './setup.ts';
import { whenReachable } from './when-reachable.ts';

/** A server that is just being made takes a while. */
const patienceMs = 5 * 60_000;

const usage = `weft-database-setup COMMAND

  credentials SETUP          makes the Secrets that SETUP (JSON) names, where there are none; in a pod, by the Kubernetes API
  provision SETUP PASSWORDS  makes the roles and schemas as PGUSER; PASSWORDS/<secret>/username and password hold each role's
  wait                       until PGUSER can log in, 5 minutes at most
`;

const [command, setupText = '', passwords = ''] = process.argv.slice(2);
try {
  if (command === 'credentials' && setupText) await credentials();
  else if (command === 'provision' && passwords) await provisionAll();
  else if (command === 'wait') await wait();
  else {
    process.stderr.write(usage);
    process.exitCode = 2;
  }
} catch (error) {
  console.error(`weft-database-setup: ${error instanceof Error ? error.message || String(error) : String(error)}`);
  process.exitCode = 1;
}

async function credentials(): Promise<void> {
  const setup = readSetup(setupText);
  const api = await apiOfThisPod();
  const wanted = setup.roles.map(({ role, secret }) => ({ secret, username: role }));
  if (setup.adminSecret) wanted.push({ secret: setup.adminSecret.name, username: setup.adminSecret.username });
  for (const { secret, username } of wanted) {
    const made = await keepCredentials(api, secret, username, { 'weft.dev/credentials': 'generated' });
    console.log(`Secret ${secret}: ${made ? 'made' : 'is there already'}`);
  }
}

async function provisionAll(): Promise<void> {
  const setup = readSetup(setupText);
  const admin = adminFromEnvironment();
  for (const { role, schema, secret } of setup.roles) {
    const password = setup.iam ? undefined : await readPassword(role, secret);
    const options = {
      role,
      schema,
      database: setup.database,
      ...(password === undefined ? { iam: true } : { password }),
    };
    await whenReachable(() => provision(admin, options), patienceMs);
    console.log(`role ${role}: owns the schema ${schema} in ${setup.database}`);
  }
}

/** A service logs in by its Secret's username, so a Secret of another name would never work. */
async function readPassword(role: string, secret: string): Promise<string> {
  const [username, password] = await Promise.all(
    ['username', 'password'].map((key) => readFile(join(passwords, secret, key), 'utf8')),
  );
  if (username === role && password) return password;
  throw new RangeError(
    `the Secret ${secret} has the username "${username}" and must have "${role}", with a password; change it or delete it, and install again`,
  );
}

async function wait(): Promise<void> {
  const { PGHOST: host, PGPORT: port, PGUSER: user, PGPASSWORD: password, PGDATABASE: database } = process.env;
  const client = () => new pg.Client({ host, port: Number(port ?? 5432), user, password, database, ssl: ssl() });
  await whenReachable(async () => {
    const session = client();
    session.on('error', () => {});
    try {
      await session.connect();
      await session.query('select 1');
    } finally {
      await session.end();
    }
  }, patienceMs);
}

function adminFromEnvironment(): AdminConnection {
  const { PGHOST: host, PGUSER: user, PGPASSWORD: password } = process.env;
  if (!host || !user || !password) throw new RangeError('PGHOST, PGUSER and PGPASSWORD must name the administrator');
  return { host, port: Number(process.env.PGPORT ?? 5432), user, password, tls: ssl() !== false };
}

/** As the service kit reads PGSSLMODE. */
function ssl(): { rejectUnauthorized: true } | false {
  return process.env.PGSSLMODE === 'verify-full' ? { rejectUnauthorized: true } : false;
}
