/**
 * Names that PostgreSQL has already, or that no role may have: a service's role has the name of its schema.
 * https://www.postgresql.org/docs/current/sql-createrole.html
 */
const reserved = /^(pg_.*|public|none|postgres|information_schema)$/;

/** Whether PostgreSQL reserves a name, so that no service can own a schema of that name. */
export function isReservedSchema(name: string): boolean {
  return reserved.test(name);
}
