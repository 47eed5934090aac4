import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import type { Mesh } from './mesh.ts';

/** Runs one query as a service's own role, as the service itself sees its schema. */
export async function queryAs(
  mesh: Mesh,
  service: string,
  sql: string,
  values: readonly unknown[] = [],
): Promise<unknown[]> {
  const text = await readFile(join(mesh.state, 'secrets', `${service}.json`), 'utf8');
  const { host, port, user, password, database } = JSON.parse(text);
  const client = new Client({ host, port, user, password, database });
  await client.connect();
  try {
    return (await client.query(sql, [...values])).rows;
  } finally {
    await client.end();
  }
}
