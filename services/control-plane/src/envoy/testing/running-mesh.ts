import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findEnvoy, type RunningEnvoy, startEnvoy } from '@weft/dev-envoy';
import { createReflection, reflectionPaths } from '../../api/reflection.ts';
import { checkPath, createRefusals } from '../../api/refusals.ts';
import { bearerToken } from '../../identity/proof.ts';
import { openRootAuthority, type RootAuthority } from '../../identity/root-authority.ts';
import { serverCertificate } from '../../identity/server-certificate.ts';
import { WorkloadIdentities } from '../../identity/workload-identities.ts';
import type { Mesh, WorkloadId } from '../../model/mesh.ts';
import { createDelivery, type NackEvent } from '../../xds/delivery.ts';
import { typeUrls } from '../../xds/resource.ts';
import { serveXds } from '../../xds/transport.ts';
import { bootstrap } from '../bootstrap.ts';
import { type Compiler, createCompiler } from '../compiler.ts';

/** A control plane in this process, as small as tests of the compiler need it, with real Envoys. */
export interface RunningMesh {
  readonly dir: string;
  readonly root: RootAuthority;
  readonly compiler: Compiler;
  /** Every refusal of every proxy since the start. */
  readonly nacks: readonly NackEvent[];
  /** Lines of all proxies, stdout and stderr. */
  readonly log: readonly string[];
  /** Delivers a new mesh and resolves when every connected proxy has acknowledged or refused all of it. */
  update(mesh: Mesh): Promise<void>;
  /** Starts the Envoy of a workload, and resolves when it serves. */
  startProxy(id: WorkloadId): Promise<RunningEnvoy>;
  stop(): Promise<void>;
}

/** Starts it without any mesh yet. */
export async function runMesh(): Promise<RunningMesh> {
  const dir = await mkdtemp(join(tmpdir(), 'weft-envoy-'));
  const root = await openRootAuthority(join(dir, 'root'));
  const identities = new WorkloadIdentities({ root });
  const compiler = createCompiler();
  const listeners = new Set<Parameters<Parameters<typeof createDelivery>[0]['snapshots']['onChange']>[0]>();
  let mesh: Mesh | undefined;
  const delivery = createDelivery({
    snapshots: {
      get(id) {
        const workload = mesh?.workloads.get(id);
        const snapshot = compiler.snapshot(id);
        return workload && snapshot && new Map([...snapshot, [typeUrls.secret, identities.secrets(workload)]]);
      },
      onChange(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
  });
  const nacks: NackEvent[] = [];
  delivery.onNack((event) => nacks.push(event));
  const reflection = createReflection(() => mesh);
  const server = await serveXds({
    listen: { host: '127.0.0.1', port: 0 },
    tls: serverCertificate(root),
    delivery,
    authenticate: async (headers) => {
      const token = bearerToken(headers);
      const workload = [...(mesh?.workloads.keys() ?? [])].find((id) => id === token);
      return workload ? { ok: true, workload } : { ok: false, message: `no workload has the token ${token}` };
    },
    methods: new Map([
      [checkPath, createRefusals({ mesh: () => mesh }).method],
      ...reflectionPaths.map((path) => [path, reflection] as const),
    ]),
  });
  const log: string[] = [];
  const envoys: RunningEnvoy[] = [];
  const settled = () =>
    until(() =>
      [...delivery.proxies().values()].every((proxy) =>
        [...proxy.types.values()].every((type) => type.ackedVersion === type.sentVersion || type.nack !== undefined),
      ),
    );
  return {
    dir,
    root,
    compiler,
    nacks,
    log,
    async update(next) {
      mesh = next;
      identities.track(next.workloads, next.settings.certificateLifetimeMs);
      const { changed, endpointsOnly } = compiler.update(next);
      for (const listener of listeners) listener({ proxies: changed, endpointsOnly });
      await new Promise(setImmediate);
      await settled();
    },
    async startProxy(id) {
      const name = id.replace('/', '.');
      const tokenPath = join(dir, `${name}.token`);
      await writeFile(tokenPath, id, { mode: 0o600 });
      const envoy = await startEnvoy({
        envoy: (await findEnvoy()).path,
        dir: join(dir, name),
        log: (line) => log.push(`${name} ${line}`),
        bootstrap: Object(
          bootstrap({
            workload: id,
            controlPlane: { host: '127.0.0.1', port: server.port },
            rootSdsPath: join(dir, 'root/ca-sds.yaml'),
            tokenPath,
            adminSocket: join(dir, `${name}.sock`),
          }),
        ),
      });
      envoys.push(envoy);
      let exited = false;
      void envoy.exited.then(() => {
        exited = true;
      });
      await until(async () => {
        if (exited) throw new Error(`Envoy of ${id} ended: ${log.slice(-5).join('\n')}`);
        return (await envoy.admin('/ready').catch(() => '')).includes('LIVE');
      });
      await settled();
      return envoy;
    },
    async stop() {
      await Promise.all(envoys.map((envoy) => envoy.kill()));
      delivery.close();
      identities.close();
      await server.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Waits for a condition; rejects when it does not hold within 20 s. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUp = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > giveUp) throw new Error('the condition did not come true within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
