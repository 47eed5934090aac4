/** Where PostgreSQL is and who connects. */
export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** TLS that verifies the server's certificate. */
  readonly tls: boolean;
}

/**
 * Reads libpq's variables: PGHOST (default 127.0.0.1), PGPORT (5432), PGUSER, PGPASSWORD, PGDATABASE (default: the user) and
 * PGSSLMODE ("disable", the default, or "verify-full"; the modes between accept anyone's certificate and are refused).
 *
 * @throws RangeError that names the variable which is missing or wrong.
 */
export function connectionFromEnvironment(env: NodeJS.ProcessEnv = process.env): ConnectionOptions {
  const user = env.PGUSER;
  if (!user) throw new RangeError('PGUSER is not set: it must name the role that owns the schema');
  const port = Number(env.PGPORT ?? 5432);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new RangeError(`PGPORT "${env.PGPORT}" must be a number between 1 and 65535`);
  }
  const sslMode = env.PGSSLMODE ?? 'disable';
  if (sslMode !== 'disable' && sslMode !== 'verify-full') {
    throw new RangeError(`PGSSLMODE "${sslMode}" must be "disable" or "verify-full"`);
  }
  return {
    host: env.PGHOST ?? '127.0.0.1',
    port,
    user,
    password: env.PGPASSWORD ?? '',
    database: env.PGDATABASE ?? user,
    tls: sslMode === 'verify-full',
  };
}
