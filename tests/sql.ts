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
  const password = await readFile(join(mesh.state, 'secrets', `${service}.password`), 'utf8');
  const { supervisor } = await mesh.status();
  const [host, port] = supervisor.processes.find((process) => process.name === 'postgres')?.listen?.split(':') ?? [];
  const client = new Client({ host, port: Number(port), user: service, password: password.trim(), database: 'weft' });
  await client.connect();
  try {
    return (await client.query(sql, [...values])).rows;
  } finally {
    await client.end();
  }
}
