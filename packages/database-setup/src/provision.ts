import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { scramVerifier } from './scram-verifier.ts';

/** What to provision. */
export interface ProvisionOptions {
  /** Name of the role that logs in: lower-case letters, digits and underscores. */
  readonly role: string;
  /** Schema that the role owns. Default: the role's name. */
  readonly schema?: string;
  /** Made where there is none. Default: "weft". */
  readonly database?: string;
  /** ASCII. Default: a new random one, which replaces the last. Keep it; PostgreSQL stores only a verifier. */
  readonly password?: string;
  /** The role logs in with tokens of AWS IAM and has no password (Amazon RDS and Aurora). Default: false. */
  readonly iam?: boolean;
}

/** How the role connects. */
export interface Provisioned {
  readonly user: string;
  /** Empty with IAM. */
  readonly password: string;
  readonly database: string;
  /** The same for libpq and for the service kit: PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE. */
  readonly env: Readonly<Record<string, string>>;
}

/** Where the server listens and how its administrator connects: a superuser, or a role with CREATEDB and CREATEROLE. */
export interface AdminConnection {
  readonly host: string;
  readonly port: number;
  readonly password: string;
  /** Default: "postgres". */
  readonly user?: string;
  /** TLS that verifies the server's certificate. Default: false. */
  readonly tls?: boolean;
}

/**
 * Makes a role that can log in, owns one schema, finds it by search_path, and has no other right: it cannot create in the
 * database or in public, nor look into another schema. Doing it again changes nothing but the password. PostgreSQL 16 or later.
 *
 * @throws RangeError for a name that is not one; pg's DatabaseError when the administrator may not.
 */
export async function provision(admin: AdminConnection, options: ProvisionOptions): Promise<Provisioned> {
  const { role, schema = role, database = 'weft', iam = false } = options;
  for (const name of [role, schema, database]) {
    if (!/^[a-z_][a-z0-9_]{0,62}$/.test(name)) {
      throw new RangeError(
        `"${name}" must be 1 to 63 lower-case letters, digits and underscores, not beginning with a digit`,
      );
    }
  }
  const password = iam ? '' : (options.password ?? randomBytes(24).toString('base64url'));
  if (!iam && !/^[\x20-\x7e]+$/.test(password)) throw new RangeError(`the password of ${role} must be printable ASCII`);
  await withAdmin(admin, 'postgres', async (client) => {
    // Held to the end of this connection: roles and databases are shared, and two at once would collide on both.
    await client.query("select pg_advisory_lock(hashtext('weft.provision'))");
    const known = await client.query('select 1 from pg_database where datname = $1', [database]);
    if (known.rowCount === 0) await client.query(`create database ${database}`);
    const { rows } = await client.query<{ rolsuper: boolean }>(
      'select rolsuper from pg_roles where rolname = current_user',
    );
    const isSuperuser = rows[0]?.rolsuper ?? false;
    // What a managed server keeps for itself is not its customers' to change.
    if (isSuperuser) await client.query('revoke all on database postgres, template1 from public');
    const secret = iam ? 'password null' : `password ${pg.escapeLiteral(scramVerifier(password))}`;
    const sql = grants({ role, schema, database, secret, isSuperuser, iam });
    await withAdmin(admin, database, (inside) => inside.query(sql));
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

interface Grants {
  readonly role: string;
  readonly schema: string;
  readonly database: string;
  /** A clause of CREATE ROLE. */
  readonly secret: string;
  readonly isSuperuser: boolean;
  readonly iam: boolean;
}

// Names have been checked above, so they need no quotes beyond reserved words'.
function grants({ role, schema, database, secret, isSuperuser, iam }: Grants): string {
  const attributes = 'login nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit';
  // Only a superuser may name these of a role that exists, be it to take them away.
  const again = isSuperuser ? attributes : 'login nocreatedb nocreaterole noinherit';
  return `
    begin;
    do $$ begin
      if not exists (select from pg_roles where rolname = '${role}') then create role "${role}" ${attributes}; end if;
    end $$;
    alter role "${role}" with ${again} ${secret};
    ${iam ? `grant rds_iam to "${role}";` : ''}
    revoke all on database "${database}" from public;
    revoke all on database "${database}" from "${role}";
    grant connect on database "${database}" to "${role}";
    revoke all on schema public from public;
    ${isSuperuser ? '' : `grant "${role}" to current_user;`}
    create schema if not exists "${schema}";
    ${ownedBy(role, schema)}
    alter role "${role}" in database "${database}" set search_path to "${schema}";
    ${isSuperuser ? '' : `revoke "${role}" from current_user;`}
    commit;
  `;
}

/** As a role that is no superuser the administrator can no longer change a schema once it is another's. */
function ownedBy(role: string, schema: string): string {
  return `
    do $$ begin
      if (select pg_get_userbyid(nspowner) from pg_namespace where nspname = '${schema}') <> '${role}' then
        revoke all on schema "${schema}" from public;
        alter schema "${schema}" owner to "${role}";
      end if;
    end $$;`;
}

async function withAdmin<T>(admin: AdminConnection, database: string, use: (client: pg.Client) => Promise<T>) {
  const client = new pg.Client({
    host: admin.host,
    port: admin.port,
    user: admin.user ?? 'postgres',
    password: admin.password,
    database,
    ssl: admin.tls ? { rejectUnauthorized: true } : false,
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
