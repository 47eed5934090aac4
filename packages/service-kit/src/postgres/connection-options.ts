import { iamToken } from './iam-token.ts';

/** Where PostgreSQL is and who connects. */
export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** A function is asked for each new connection, for passwords that end. */
  readonly password: string | (() => Promise<string>);
  readonly database: string;
  /** TLS that verifies the server's certificate. */
  readonly tls: boolean;
}

/**
 * Reads libpq's variables: PGHOST (default 127.0.0.1), PGPORT (5432), PGUSER, PGPASSWORD, PGDATABASE (default: the user) and
 * PGSSLMODE ("disable", the default, or "verify-full"; the modes between accept anyone's certificate and are refused).
 * WEFT_POSTGRES_AUTH "aws-iam" logs in by tokens of AWS IAM instead of PGPASSWORD; see {@link iamToken}.
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
  const auth = env.WEFT_POSTGRES_AUTH ?? 'password';
  if (auth !== 'password' && auth !== 'aws-iam') {
    throw new RangeError(`WEFT_POSTGRES_AUTH "${auth}" must be "password" or "aws-iam"`);
  }
  if (auth === 'aws-iam' && sslMode !== 'verify-full') {
    throw new RangeError(
      `PGSSLMODE "${sslMode}" must be "verify-full" with WEFT_POSTGRES_AUTH "aws-iam": a token is a password`,
    );
  }
  const host = env.PGHOST ?? '127.0.0.1';
  return {
    host,
    port,
    user,
    password: auth === 'aws-iam' ? iamToken({ host, port, user }) : (env.PGPASSWORD ?? ''),
    database: env.PGDATABASE ?? user,
    tls: sslMode === 'verify-full',
  };
}
