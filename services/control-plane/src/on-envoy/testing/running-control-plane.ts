import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrap } from '@weft/compiler/envoy/bootstrap';
import type { ProxyLimits } from '@weft/compiler/envoy/overload';
import { type Resource, type Snapshot, typeUrls } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import { findEnvoy, type RunningEnvoy, startEnvoy } from '@weft/dev-envoy';
import { bearerToken } from '../../identity/proof.ts';
import type { RootAuthority } from '../../identity/root-authority.ts';
import { openRootAuthority } from '../../identity/root-directory.ts';
import { serverCertificate } from '../../identity/server-certificate.ts';
import { type Identified, WorkloadIdentities } from '../../identity/workload-identities.ts';
import { createDelivery } from '../../xds/delivery.ts';
import type { NackEvent } from '../../xds/delivery-events.ts';
import { TestViews } from '../../xds/testing/views.ts';
import { type AuthenticatedMethod, type AuthenticatedRequest, serveXds } from '../../xds/transport.ts';

/** What proxies hold, by whatever means a test makes it. */
export interface Configurations {
  /** Without secrets. */
  snapshot(id: WorkloadId): Snapshot | undefined;
  workload(id: WorkloadId): Identified | undefined;
  /** Secrets in place of a workload's own, by name. */
  secrets?(root: RootAuthority): ReadonlyMap<string, Resource>;
  readonly methods?: ReadonlyMap<string, AuthenticatedMethod>;
  /** What the Envoy of a gateway may hold. Default: as in a cluster. */
  readonly edgeLimits?: ProxyLimits;
  /** How long an Envoy keeps the connections of a listener that has changed. Default: Envoy's own. */
  readonly drainSeconds?: number;
  readonly requests?: ReadonlyMap<string, AuthenticatedRequest>;
}

/** A control plane in this process, as small as tests of the compiler need it, with real Envoys. */
export interface RunningControlPlane {
  readonly dir: string;
  readonly root: RootAuthority;
  /** Every refusal of every proxy since the start. */
  readonly nacks: readonly NackEvent[];
  /** Lines of all proxies, stdout and stderr. */
  readonly log: readonly string[];
  /** Delivers what changed for these proxies, and resolves when every connected one has acknowledged or refused all of it. */
  push(proxies: Iterable<WorkloadId>): Promise<void>;
  /** Starts the Envoy of a workload, and resolves when it serves. */
  startProxy(id: WorkloadId): Promise<RunningEnvoy>;
  stop(): Promise<void>;
}

/** Starts it; a workload's token is its id. */
export async function runControlPlane(configurations: Configurations): Promise<RunningControlPlane> {
  const { edgeLimits } = configurations;
  const edge = { fromOutside: true, ...(edgeLimits ? { limits: edgeLimits } : {}) };
  const dir = await mkdtemp(join(tmpdir(), 'weft-envoy-'));
  const root = await openRootAuthority(join(dir, 'root'));
  const identities = new WorkloadIdentities({ root });
  let others: ReadonlyMap<string, Resource> | undefined;
  const views = new TestViews();
  const delivery = createDelivery({ views });
  /** Shows what these proxies should hold now. */
  const show = (proxies: Iterable<WorkloadId>) => {
    others ??= configurations.secrets?.(root) ?? new Map();
    const snapshots = new Map<WorkloadId, Snapshot>();
    for (const id of proxies) {
      const workload = configurations.workload(id);
      const snapshot = configurations.snapshot(id);
      if (workload === undefined || snapshot === undefined) continue;
      const secrets = new Map([...identities.secrets(workload), ...others]);
      snapshots.set(id, new Map([...snapshot, [typeUrls.secret, secrets]]));
    }
    views.setAll(snapshots);
  };
  const nacks: NackEvent[] = [];
  delivery.onNack((event) => nacks.push(event));
  const server = await serveXds({
    listen: { host: '127.0.0.1', port: 0 },
    tls: serverCertificate(root),
    delivery,
    authenticate: async (headers) => {
      const token = bearerToken(headers) ?? '';
      const workload = isWorkloadId(token) ? configurations.workload(token) : undefined;
      return workload ? { ok: true, workload: workload.id } : { ok: false, message: `no workload is ${token}` };
    },
    ...(configurations.methods ? { methods: configurations.methods } : {}),
    ...(configurations.requests ? { requests: configurations.requests } : {}),
  });
  const log: string[] = [];
  const envoys: RunningEnvoy[] = [];
  const settled = () =>
    until(
      () =>
        [...delivery.proxies().values()].every((proxy) =>
          [...proxy.types.values()].every((type) => type.ackedVersion === type.sentVersion || type.nack !== undefined),
        ),
      () => JSON.stringify([...delivery.proxies()].map(([id, { types }]) => [id, ...types])),
    );
  return {
    dir,
    root,
    nacks,
    log,
    async push(proxies) {
      show(proxies);
      await new Promise(setImmediate);
      await settled();
    },
    async startProxy(id) {
      show([id]);
      const name = id.replace('/', '.');
      const tokenPath = join(dir, `${name}.token`);
      await writeFile(tokenPath, id, { mode: 0o600 });
      const envoy = await startEnvoy({
        envoy: (await findEnvoy()).path,
        dir: join(dir, name),
        ...(configurations.drainSeconds === undefined ? {} : { drainSeconds: configurations.drainSeconds }),
        log: (line) => log.push(`${name} ${line}`),
        bootstrap: Object(
          bootstrap({
            workload: id,
            controlPlane: { host: '127.0.0.1', port: server.port },
            rootSdsPath: join(dir, 'root/ca-sds.yaml'),
            tokenPath,
            adminSocket: join(dir, `${name}.sock`),
            ...(id.startsWith('weft/edge-') ? edge : {}),
          }),
        ),
      });
      envoys.push(envoy);
      let exited = false;
      // A test that times out never gets to stop().
      const onExit = () => process.kill(envoy.pid, 'SIGKILL');
      process.once('exit', onExit);
      void envoy.exited.then(() => {
        exited = true;
        process.off('exit', onExit);
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
export async function until(
  condition: () => boolean | Promise<boolean>,
  what = () => condition.toString(),
): Promise<void> {
  const giveUp = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > giveUp) throw new Error(`not within 20 s: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function isWorkloadId(text: string): text is WorkloadId {
  return text.includes('/');
}
