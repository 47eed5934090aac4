import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { retained } from '@weft/compiler/contracts/retained-contracts';
import { bootstrap } from '@weft/compiler/envoy/bootstrap';
import { factSources } from '@weft/compiler/facts/fact-collections';
import type { Facts } from '@weft/compiler/facts/facts';
import { parseDirectory } from '@weft/compiler/mesh-directory/parse-directory';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { Problem } from '@weft/compiler/model/problem';
import { FaultyGraph } from '@weft/compiler/testing/faulty-graph';
import type { MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import { findEnvoy, type RunningEnvoy, startEnvoy } from '@weft/dev-envoy';
import { bearerToken } from '../../identity/proof.ts';
import type { RootAuthority } from '../../identity/root-authority.ts';
import { openRootAuthority } from '../../identity/root-directory.ts';
import { serverCertificate } from '../../identity/server-certificate.ts';
import { WorkloadIdentities } from '../../identity/workload-identities.ts';
import { asideFile } from '../../quarantine/aside-store.ts';
import { type LiveMesh, liveMesh } from '../../wiring/live-mesh.ts';
import { serveXds } from '../../xds/transport.ts';
import { freePorts } from './free-ports.ts';
import { until } from './running-control-plane.ts';

export interface LiveMeshOptions {
  /** What a key's output becomes, as if a bug of the compiler had made it so. */
  readonly spoil: FaultyGraph['altered'];
}

/** The control plane of a mesh directory with everything that follows from what proxies answer, and real Envoys. A token is its workload's id. */
export class RunningLiveMesh {
  readonly dir: string;
  readonly port: number;
  /** Of now. */
  problems: readonly Problem[] = [];
  readonly log: string[] = [];
  readonly #root: RootAuthority;
  readonly #spoil: FaultyGraph['altered'];
  readonly #envoys: RunningEnvoy[] = [];
  #facts: Facts | undefined;
  #running: { readonly live: LiveMesh; readonly take: (facts: Facts) => void; close(): Promise<void> } | undefined;

  private constructor(dir: string, port: number, root: RootAuthority, spoil: FaultyGraph['altered']) {
    this.dir = dir;
    this.port = port;
    this.#root = root;
    this.#spoil = spoil;
  }

  static async start(directory: MeshDirectory, { spoil }: LiveMeshOptions): Promise<RunningLiveMesh> {
    const dir = await mkdtemp(join(tmpdir(), 'weft-live-'));
    const [port = 0] = await freePorts(1);
    const mesh = new RunningLiveMesh(dir, port, await openRootAuthority(join(dir, 'root')), spoil);
    mesh.#facts = parseDirectory(directory.files);
    await mesh.#open();
    return mesh;
  }

  get live(): LiveMesh {
    if (this.#running === undefined) throw new Error('the control plane is stopped');
    return this.#running.live;
  }

  /** Takes what the directory says now, in one turn. */
  apply(directory: MeshDirectory): void {
    const read = parseDirectory(directory.files);
    this.#facts = this.#facts ? retained(this.#facts, read) : read;
    this.#running?.take(this.#facts);
  }

  /** Another process takes over. `remembers`: it has the disk of the one before. */
  async restart(remembers: boolean): Promise<void> {
    await this.#running?.close();
    if (!remembers) await rm(join(this.dir, 'set-aside.json'), { force: true });
    this.problems = [];
    await this.#open();
  }

  /** Writes the token of a workload. */
  async token(id: WorkloadId): Promise<string> {
    const tokenPath = join(this.dir, `${id.replace('/', '.')}.token`);
    await writeFile(tokenPath, id, { mode: 0o600 });
    return tokenPath;
  }

  /** Starts the Envoy of a workload, and resolves when it has started; not when it has its configuration. */
  async startProxy(id: WorkloadId, given?: Record<string, unknown>): Promise<RunningEnvoy> {
    const name = id.replace('/', '.');
    const tokenPath = await this.token(id);
    const envoy = await startEnvoy({
      envoy: (await findEnvoy()).path,
      dir: join(this.dir, name),
      log: (line) => this.log.push(`${name} ${line}`),
      bootstrap:
        given ??
        Object(
          bootstrap({
            workload: id,
            controlPlane: { host: '127.0.0.1', port: this.port },
            rootSdsPath: join(this.dir, 'root/ca-sds.yaml'),
            tokenPath,
            adminSocket: join(this.dir, `${name}.sock`),
            fromOutside: id.startsWith('weft/'),
          }),
        ),
    });
    this.#envoys.push(envoy);
    const onExit = () => process.kill(envoy.pid, 'SIGKILL');
    process.once('exit', onExit);
    void envoy.exited.then(() => process.off('exit', onExit));
    await until(async () => (await envoy.admin('/ready').catch(() => '')).includes('LIVE'));
    return envoy;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#envoys.map((envoy) => envoy.kill()));
    await this.#running?.close();
    await rm(this.dir, { recursive: true, force: true });
  }

  async #open(): Promise<void> {
    const graph = new FaultyGraph();
    graph.altered = this.#spoil;
    const sources = factSources(graph);
    const identities = new WorkloadIdentities({ root: this.#root });
    const say = (fields: object, message: string) => {
      this.log.push(`control plane: ${message} ${JSON.stringify(fields)}`);
    };
    const asides = asideFile(join(this.dir, 'set-aside.json'));
    const live = liveMesh({
      asides,
      environment: { facts: () => sources.facts },
      identities,
      graph,
      log: { info: say, warn: say, error: say },
      onRefused: (problems) => {
        this.problems = problems;
      },
    });
    const { turns, views, delivery, quarantine } = live;
    turns.follow({
      memory: { record: () => undefined },
      views,
      drop: (id) => delivery.drop(id),
      report: () => undefined,
    });
    const take = (facts: Facts) => turns.turn(() => sources.replace(facts));
    if (this.#facts) take(this.#facts);
    quarantine.restore(await asides.load());
    const server = await serveXds({
      listen: { host: '127.0.0.1', port: this.port },
      tls: serverCertificate(this.#root),
      delivery,
      authenticate: async (headers) => {
        const token = bearerToken(headers) ?? '';
        const workload = isWorkloadId(token) ? turns.mesh?.workloads.get(token) : undefined;
        return workload ? { ok: true, workload: workload.id } : { ok: false, message: `no workload is ${token}` };
      },
    });
    const close = async () => {
      turns.close();
      quarantine.close();
      delivery.close();
      identities.close();
      await Promise.all([server.close(), asides.close()]);
    };
    this.#running = { live, take, close };
  }
}

function isWorkloadId(text: string): text is WorkloadId {
  return text.includes('/');
}
