import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** What to provision. */
export interface ProvisionOptions {
  /** Name of the role that logs in: lower-case letters, digits and underscores. */
  readonly role: string;
  /** Schema that the role owns. Default: the role's name. */
  readonly schema?: string;
  /** Made where there is none. Default: "weft". */
  readonly database?: string;
  /** Default: a new random one, which replaces the last. Keep it; PostgreSQL stores only a verifier. */
  readonly password?: string;
}

/** How the role connects. */
export interface Provisioned {
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** The same for libpq and for the service kit: PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE. */
  readonly env: Readonly<Record<string, string>>;
}

/** Where the server listens and how its administrator connects. */
export interface AdminConnection {
  readonly host: string;
  readonly port: number;
  readonly password: string;
}

/**
 * Makes a role that can log in, owns one schema, finds it by search_path, and has no other right: it cannot create in the
 * database or in public, nor look into another schema. Doing it again changes nothing but the password.
 */
export async function provision(admin: AdminConnection, options: ProvisionOptions): Promise<Provisioned> {
  const { role, schema = role, database = 'weft' } = options;
  for (const name of [role, schema, database]) {
    if (!/^[a-z_][a-z0-9_]{0,62}$/.test(name)) {
      throw new RangeError(
        `"${name}" must be 1 to 63 lower-case letters, digits and underscores, not beginning with a digit`,
      );
    }
  }
  const password = options.password ?? randomBytes(24).toString('base64url');
  await withAdmin(admin, 'postgres', async (client) => {
    // Held to the end of this connection: roles and databases are shared, and two at once would collide on both.
    await client.query("select pg_advisory_lock(hashtext('weft.provision'))");
    const known = await client.query('select 1 from pg_database where datname = $1', [database]);
    if (known.rowCount === 0) await client.query(`create database ${database}`);
    await client.query('revoke all on database postgres, template1 from public');
    await withAdmin(admin, database, (inside) => inside.query(grants(role, schema, database, password)));
  });
  const env = {
    PGHOST: admin.host,
    PGPORT: String(admin.port),
    PGUSER: role,
    PGPASSWORD: password,
    PGDATABASE: database,
  };
  return { user: role, password, database, env };
}

// Names have been checked above, so they need no quotes beyond reserved words'.
function grants(role: string, schema: string, database: string, password: string): string {
  const attributes = 'login nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit';
  return `
    begin;
    do $$ begin
      if not exists (select from pg_roles where rolname = '${role}') then create role "${role}"; end if;
    end $$;
    alter role "${role}" with ${attributes} password ${pg.escapeLiteral(password)};
    revoke all on database "${database}" from public;
    revoke all on database "${database}" from "${role}";
    grant connect on database "${database}" to "${role}";
    revoke all on schema public from public;
    create schema if not exists "${schema}";
    alter schema "${schema}" owner to "${role}";
    revoke all on schema "${schema}" from public;
    alter role "${role}" in database "${database}" set search_path to "${schema}";
    commit;
  `;
}

async function withAdmin<T>(admin: AdminConnection, database: string, use: (client: pg.Client) => Promise<T>) {
  const client = new pg.Client({
    host: admin.host,
    port: admin.port,
    user: 'postgres',
    password: admin.password,
    database,
  });
  // A lost connection also rejects the query under way; without a listener it would end the process.
  client.on('error', () => {});
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
