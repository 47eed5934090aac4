import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { toJsonString } from '@bufbuild/protobuf';
import { type GetStatusResponse, GetStatusResponseSchema, MeshService } from '@weft/api/weft/api/v1/mesh';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { type BootstrapOptions, bootstrap } from '@weft/compiler/envoy/bootstrap';
import { findEnvoy, type RunningEnvoy, startEnvoy } from '@weft/dev-envoy';
import { type Client, client } from '@weft/service-kit';
import { descriptorSet } from '@weft/test-contracts';
import type { ExecutionContext } from 'ava';
import { freePorts } from './on-envoy/testing/free-ports.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));

/** A replica of a service of the bakery, as its test needs it. */
export interface Replica {
  readonly name: string;
  /** Where its application listens, and its client calls. */
  readonly application: string;
  readonly inbound: string;
  readonly outbound: string;
}

/** A control plane in a process of its own, on a mesh directory of its own, with real Envoys. For tests. */
export class MeshProcess {
  readonly #base: string;
  readonly #xdsPort: number;
  readonly #envoys = new Map<string, RunningEnvoy>();
  readonly #lines: string[] = [];
  readonly #arguments: readonly string[];
  #process: ChildProcess | undefined;
  readonly #status;

  private constructor(base: string, xdsPort: number, more: readonly string[]) {
    this.#base = base;
    this.#arguments = more;
    this.#xdsPort = xdsPort;
    this.#status = client(MeshService, { outbound: `unix:${join(base, 'api')}` });
  }

  /** `more`: further options of the control plane's command line. */
  static async open(
    t: Pick<ExecutionContext, 'teardown'>,
    spec: object = {},
    more: readonly string[] = [],
  ): Promise<MeshProcess> {
    const base = await mkdtemp(join(tmpdir(), 'wcp-'));
    const mesh = new MeshProcess(base, await freePort(), more);
    t.teardown(async () => {
      await mesh.#stopAll();
      await rm(base, { recursive: true, force: true });
    });
    const packages = [{ namespace: 'bakery', protoPackage: 'bakery' }];
    const config = {
      apiVersion: 'weft.dev/v1',
      kind: 'MeshConfig',
      metadata: { name: 'mesh' },
      spec: { packages, ...spec },
    };
    await mesh.put('mesh.yaml', config);
    await mesh.start();
    return mesh;
  }

  /** What the control plane has logged. */
  get log(): string {
    return this.#lines.join('\n');
  }

  /** What the proxy of a replica needs to open a stream. */
  async proxyIdentity(
    replica: Replica,
  ): Promise<{ readonly address: string; readonly root: Buffer; readonly token: string }> {
    return {
      address: `127.0.0.1:${this.#xdsPort}`,
      root: await readFile(join(this.#base, 'state/root/root.pem')),
      token: await readFile(join(this.#base, `tokens/bakery/${replica.name}`), 'utf8'),
    };
  }

  /** What the control plane has in memory, in bytes. */
  async residentBytes(): Promise<number> {
    const status = await readFile(`/proc/${this.#process?.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  }

  /** Starts the control plane, and waits until it answers. */
  async start(): Promise<void> {
    const places = [
      '--mesh',
      'mesh',
      '--state',
      'state',
      '--tokens',
      'tokens',
      '--api',
      `unix:${join(this.#base, 'api')}`,
    ];
    const child = spawn(
      process.execPath,
      [main, ...places, '--xds', `127.0.0.1:${this.#xdsPort}`, ...this.#arguments],
      {
        cwd: this.#base,
        env: { ...process.env, LOG_LEVEL: 'info' },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const lines = createInterface({ input: child.stdout });
    createInterface({ input: child.stderr }).on('line', (line) => this.#lines.push(line));
    await new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => {
        this.#lines.push(line);
        if (line.includes('"msg":"ready"')) resolve();
      });
      child.once('close', (code) => reject(new Error(`the control plane ended with ${code}`)));
    });
    this.#process = child;
  }

  /** Ends the control plane, by SIGKILL as if it had crashed. */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    child.kill(signal);
    await once(child, 'exit');
    return child.exitCode;
  }

  /** Writes a manifest as `weft up` does: beside its place, then renamed. */
  async put(path: string, ...documents: object[]): Promise<void> {
    const full = join(this.#base, 'mesh', path);
    await mkdir(dirname(full), { recursive: true });
    const text = documents.map((document) => JSON.stringify(document)).join('\n---\n');
    await writeFile(`${full}.tmp`, text);
    await rename(`${full}.tmp`, full);
  }

  async putText(path: string, text: string): Promise<void> {
    await writeFile(join(this.#base, 'mesh', path), text);
  }

  /** Publishes a descriptor set. */
  async putContract(namespace: string, file: string, descriptorSet: Uint8Array): Promise<void> {
    const directory = join(this.#base, 'mesh/contracts', namespace);
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, file), descriptorSet);
  }

  async remove(path: string): Promise<void> {
    await rm(join(this.#base, 'mesh', path));
  }

  /** Adds a service of the bakery with one replica, and starts the replica's Envoy. */
  async addReplica(name: string): Promise<Replica> {
    await mkdir(join(this.#base, 'tokens/bakery'), { recursive: true });
    await writeFile(join(this.#base, `tokens/bakery/${name}-0`), randomBytes(32).toString('hex'), { mode: 0o600 });
    const replica = {
      name: `${name}-0`,
      application: `unix:${join(this.#base, `${name}.sock`)}`,
      inbound: `127.0.0.1:${await freePort()}`,
      outbound: `127.0.0.1:${await freePort()}`,
    };
    await this.publish(name, replica, descriptorSet(`bakery.${name}`));
    const options: BootstrapOptions = {
      workload: `bakery/${replica.name}`,
      controlPlane: { host: '127.0.0.1', port: this.#xdsPort },
      rootSdsPath: join(this.#base, 'state/root/ca-sds.yaml'),
      tokenPath: join(this.#base, `tokens/bakery/${replica.name}`),
      adminSocket: join(this.#base, `${name}.admin`),
    };
    const config = bootstrap(options);
    if (typeof config !== 'object' || config === null || Array.isArray(config)) throw new Error('no bootstrap');
    const { path } = await findEnvoy();
    const dir = join(this.#base, 'envoy', name);
    const log = (line: string) => this.#lines.push(`envoy ${name}: ${line}`);
    this.#envoys.set(name, await startEnvoy({ envoy: path, bootstrap: config, dir, log }));
    return replica;
  }

  /** Replaces the contract of a replica by one that nobody can understand, as a bad release would. */
  async breakContract(replica: Replica): Promise<void> {
    const sets = ['catalog', 'orders'].map((name) => descriptorSet(`bakery.${name}`));
    await this.publish(replica.name.replace(/-0$/, ''), replica, Buffer.concat(sets));
  }

  /** Replaces the history by a file that is no directory, as somebody who tidies up may. */
  async breakHistory(): Promise<void> {
    await rm(join(this.#base, 'state/history'), { recursive: true });
    await writeFile(join(this.#base, 'state/history'), 'no directory');
  }

  /** Whether a file of the state directory holds a text. */
  async isKept(path: string, text: string): Promise<boolean> {
    return (await readFile(join(this.#base, 'state', path), 'utf8').catch(() => '')).includes(text);
  }

  /** Publishes a contract and what runs it, as `weft up` does. */
  async publish(name: string, replica: Replica, descriptorSet: Uint8Array): Promise<void> {
    const contract = contractHash(descriptorSet);
    await mkdir(join(this.#base, 'mesh/contracts/bakery'), { recursive: true });
    await writeFile(join(this.#base, `mesh/contracts/bakery/bakery.${name}.binpb`), descriptorSet);
    const metadata = { namespace: 'bakery', name };
    const spec = { selector: { app: name }, ports: [{ port: 80, appProtocol: 'grpc' }] };
    const inbound = [{ listen: replica.inbound, application: replica.application }];
    await this.put(
      `${name}.yaml`,
      { apiVersion: 'v1', kind: 'Service', metadata, spec },
      {
        apiVersion: 'weft.dev/v1',
        kind: 'Workload',
        metadata: { namespace: 'bakery', name: replica.name, labels: { app: name } },
        spec: { serviceAccount: name, contract, inbound, outbound: replica.outbound },
        status: { ready: true },
      },
    );
  }

  envoy(name: string): RunningEnvoy {
    const envoy = this.#envoys.get(name);
    if (envoy === undefined) throw new Error(`no Envoy of ${name}`);
    return envoy;
  }

  /** A counter or gauge of an Envoy; 0 when it has none of that name. */
  async stat(name: string, stat: string): Promise<number> {
    const filter = encodeURIComponent(`^${stat.replaceAll(/[.|]/g, '\\$&')}$`);
    const text = await this.envoy(name).admin(`/stats?filter=${filter}`);
    return Number(text.split(': ')[1] ?? 0);
  }

  /** weft.api.v1 of the process that runs. */
  get api(): Client<typeof MeshService> {
    return this.#status;
  }

  status(): Promise<GetStatusResponse> {
    return this.#status.getStatus({}, { deadlineMs: 5000 });
  }

  config(name: string): Promise<{ configJson: string }> {
    return this.#status.getProxyConfig({ namespace: 'bakery', name }, { deadlineMs: 5000 });
  }

  /** Asks for the status until `holds`, and gives that one. */
  async until(
    what: string,
    holds: (status: GetStatusResponse) => boolean | Promise<boolean>,
  ): Promise<GetStatusResponse> {
    const end = performance.now() + 45_000;
    let last: GetStatusResponse | undefined;
    while (performance.now() < end) {
      const status = await this.status().catch(() => undefined);
      if (status !== undefined && (await holds(status))) return status;
      last = status;
      await sleep(50);
    }
    const told = last === undefined ? 'no status' : toJsonString(GetStatusResponseSchema, last);
    throw new Error(`not in time: ${what}\n${told}\n${this.log}`);
  }

  /** Waits until the Envoys of these have taken all that they were sent, and listen. */
  async untilServing(...names: string[]): Promise<GetStatusResponse> {
    return this.until(`${names} serve`, async (status) => {
      for (const name of names) {
        const proxy = status.workloads.find((workload) => workload.name === `${name}-0`)?.proxy;
        const types = proxy?.acknowledgements ?? [];
        if (types.length < 4 || types.some((type) => type.sentVersion !== type.ackedVersion)) return false;
        const ready = await this.envoy(name)
          .admin('/ready')
          .catch(() => '');
        if (!ready.startsWith('LIVE')) return false;
      }
      return true;
    });
  }

  async #stopAll(): Promise<void> {
    await Promise.all([...this.#envoys.values()].map((envoy) => envoy.kill()));
    await this.stop();
  }
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}
