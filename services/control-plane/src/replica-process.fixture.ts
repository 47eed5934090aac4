import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Client, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { MeshService } from '@weft/api/weft/api/v1/mesh';
import type { ExecutionContext } from 'ava';
import type { FakeApiServer } from './kubernetes/fake-api-server.fixture.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));

/** A replica of the control plane, in a process of its own; nothing is shared with another but the API server. */
export class Replica {
  readonly lines: string[] = [];
  /** weft.api.v1 of this replica. */
  readonly api: Client<typeof MeshService>;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, socket: string) {
    this.#process = process;
    const nodeOptions = { createConnection: () => connect(socket) };
    this.api = createClient(
      MeshService,
      createGrpcTransport({ baseUrl: 'http://localhost', nodeOptions, idleConnectionTimeoutMs: 100 }),
    );
  }

  static async start(t: ExecutionContext, fake: FakeApiServer, name: string, xdsPort: number): Promise<Replica> {
    const state = await mkdtemp(join(tmpdir(), 'weft-replica-'));
    const kubeconfig = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'fake', cluster: { server: fake.url } }],
      users: [{ name: 'nobody', user: {} }],
      contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'nobody' } }],
      'current-context': 'fake',
    };
    await writeFile(join(state, 'kubeconfig'), JSON.stringify(kubeconfig));
    const places = ['--state', join(state, 'state'), '--api', `unix:${join(state, 'api')}`];
    const child = spawn(
      process.execPath,
      [main, '--source', 'kubernetes', ...places, '--xds', `127.0.0.1:${xdsPort}`],
      {
        env: {
          ...process.env,
          LOG_LEVEL: 'info',
          KUBECONFIG: join(state, 'kubeconfig'),
          POD_NAME: name,
          POD_IP: '127.0.0.1',
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const replica = new Replica(child, join(state, 'api'));
    t.teardown(async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      await rm(state, { recursive: true, force: true });
    });
    createInterface({ input: child.stderr }).on('line', (line) => replica.lines.push(line));
    createInterface({ input: child.stdout }).on('line', (line) => replica.lines.push(line));
    await until(
      () => replica.lines.some((line) => line.includes('"msg":"ready"')),
      () => replica.lines.join('\n'),
    );
    return replica;
  }

  async stop(): Promise<number | null> {
    this.#process.kill('SIGTERM');
    await once(this.#process, 'exit');
    return this.#process.exitCode;
  }
}

/** Waits for a condition, a minute at most. */
export async function until(holds: () => boolean | Promise<boolean>, what: () => string): Promise<void> {
  for (let left = 3000; left > 0; left--) {
    if (await holds()) return;
    await sleep(20);
  }
  throw new Error(`not in time: ${what()}`);
}
