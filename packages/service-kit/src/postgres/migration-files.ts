import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One numbered file of SQL. */
export interface Migration {
  /** 0001_orders.sql */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file, hexadecimal. */
  readonly checksum: string;
}

/** A directory of migrations, or a database, that cannot be migrated as it is. Says which file and what to do. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

/**
 * Reads the .sql files of a directory in order; other files are left alone.
 *
 * @throws MigrationError for a name that is not like 0001_orders.sql, a number that is missing and one that is there twice.
 */
export async function readMigrations(directory: URL | string): Promise<Migration[]> {
  const path = directory instanceof URL ? fileURLToPath(directory) : directory;
  const names = (await readdir(path)).filter((name) => name.endsWith('.sql')).sort();
  const wrong = names.find((name) => !/^\d{4}_[a-z0-9_-]+\.sql$/.test(name));
  if (wrong !== undefined) {
    throw new MigrationError(`migration ${wrong} must be named like 0001_orders.sql: four digits and lower-case words`);
  }
  names.forEach((name, index) => {
    const number = Number(name.slice(0, 4));
    const before = names[index - 1];
    if (number === index + 1) return;
    if (before !== undefined && Number(before.slice(0, 4)) === number) {
      throw new MigrationError(`migrations ${before} and ${name} have the same number; renumber the newer one`);
    }
    throw new MigrationError(`migration ${String(index + 1).padStart(4, '0')} is missing before ${name}`);
  });
  return Promise.all(
    names.map(async (name) => {
      const bytes = await readFile(join(path, name));
      return { name, sql: bytes.toString('utf8'), checksum: createHash('sha256').update(bytes).digest('hex') };
    }),
  );
}
