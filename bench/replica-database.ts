import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { postgres } from '@weft/service-kit';
import pg from 'pg';
import type { Mesh } from '../tests/mesh.ts';

/** The services whose schemas an order touches; each is a role of the same name. */
export const roles = ['catalog', 'inventory', 'payments', 'orders'] as const;

/** The mesh's own PostgreSQL, beside the mesh. */
export interface MeshPostgres {
  readonly admin: pg.Client;
  /** How a service's role connects to a database of this server. */
  connection(role: string, database: string): Promise<pg.ClientConfig & { readonly password: string }>;
}

/** Connects the superuser to the server of a mesh. The caller ends `admin`. */
export async function openMeshPostgres(mesh: Mesh): Promise<MeshPostgres> {
  const { supervisor } = await mesh.status();
  const listen = supervisor.processes.find(({ name }) => name === 'postgres')?.listen ?? '';
  const [host = '', port = ''] = listen.split(':');
  const password = (await readFile(join(mesh.state, 'postgres/weft-admin-password'), 'utf8')).trim();
  const admin = new pg.Client({ host, port: Number(port), user: 'postgres', password, database: 'postgres' });
  await admin.connect();
  return {
    admin,
    async connection(role, database) {
      const secret = (await readFile(join(mesh.state, 'secrets', `${role}.password`), 'utf8')).trim();
      return { host, port: Number(port), user: role, password: secret, database };
    },
  };
}

/** Makes a second database on the same server with the schemas, the seeds and the rights that the services have in theirs. */
export async function createReplicaDatabase({ admin, connection }: MeshPostgres, database: string): Promise<void> {
  await admin.query(`create database ${database}`);
  const { host = '', port = 0 } = await connection('orders', database);
  for (const role of roles) {
    const inside = new pg.Client({ host, port, user: 'postgres', password: String(admin.password), database });
    await inside.connect();
    await inside.query(`create schema ${role} authorization ${role}`);
    await inside.query(`alter role ${role} in database ${database} set search_path to ${role}`);
    await inside.end();
    const { password } = await connection(role, database);
    const migrations = new URL(`../services/${role}/migrations/`, import.meta.url);
    const schema = postgres({
      schema: role,
      migrations,
      connection: { host, port, user: role, password, database, tls: false },
    });
    await schema.migrate();
    await schema.close();
  }
}
