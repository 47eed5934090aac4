import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ApiProxy, apiAt, inParallel, startApiProxy } from '../tests/cluster/api-proxy.ts';
import { fakePodAddress, fakePodName, makeFakePods, setReady } from '../tests/cluster/fake-pods.ts';
import { waitFor } from '../tests/wait-for.ts';
import { createBenchRoot } from './certificates.ts';
import type { Cleanup } from './cleanup.ts';
import { type ClusterAccess, ControlPlaneProcess, wallMs } from './control-plane-process.ts';
import type { RecordedServerPorts, RecordedServerStart } from './recorded-api-server.ts';

/** How many pods of each Service are ready from the beginning. */
export const podsEach = 5;

/** How large a scenario is. */
export interface ScenarioPlan {
  /** Services "s0", "s1", ..., with five ready pods each. */
  readonly services: number;
  /** Further pods, which are not ready: the first one is of s0, the second of s1, ... */
  readonly spares: number;
}

/** A client of the control plane: a pod, and a token that proves it. */
export interface Member {
  readonly node: string;
  readonly token: string;
}

/**
 * Services and their pods in one meshed namespace, without contracts, on a node without a kubelet. They are in the cluster of
 * $KUBECONFIG, in a namespace of their own; where KUBECONFIG is not set, they are in the API server of recorded-api-server.ts.
 */
export class ClusterScenario {
  readonly services: number;
  readonly #api: ApiProxy;
  readonly #access: ClusterAccess;
  readonly #namespace: string;
  #sliceAtMs = 0;

  private constructor(services: number, api: ApiProxy, namespace: string, at: Place) {
    this.services = services;
    this.#api = api;
    this.#namespace = namespace;
    this.#access = at.access;
  }

  /** Makes everything; it goes with `cleanup`. Rejects where another mesh is in the cluster. */
  static async open(plan: ScenarioPlan, cleanup: Cleanup): Promise<ClusterScenario> {
    const at = await openApi(cleanup);
    const { api } = at;
    cleanup.teardown(() => api.close());
    await refuseOtherMesh(api);
    const namespace = `bench-${randomBytes(3).toString('hex')}`;
    const { services, spares } = plan;
    console.log(`making ${services} Services and ${services * podsEach + spares} pods in ${at.where} ...`);
    const begin = wallMs();
    if (!at.isRecorded) cleanup.teardown(() => remove(api, namespace));
    await api.send('POST', '/api/v1/namespaces', {
      metadata: { name: namespace, labels: { 'weft.dev/inject': 'true' } },
    });
    // A cluster in which Weft was never installed knows no such kind, and its mesh has the default settings.
    const mesh = { metadata: { name: 'mesh' }, spec: { packages: [] } };
    if (at.isRecorded) await api.send('POST', '/apis/weft.dev/v1/meshconfigs', mesh);
    await makeFakePods(api, { namespace, services, podsEach, spares });
    const scenario = new ClusterScenario(services, api, namespace, at);
    await scenario.#followSlices();
    console.log(`  made in ${((wallMs() - begin) / 1000).toFixed(1)} s`);
    return scenario;
  }

  /** A control plane of this scenario, which `cleanup` ends; it is not started yet. */
  async controlPlane(cleanup: Cleanup): Promise<ControlPlaneProcess> {
    const dir = await cleanup.directory('bench-cluster-');
    const place = { dir, access: this.#access, namespace: this.#namespace };
    const controlPlane = await ControlPlaneProcess.onCluster(place);
    cleanup.teardown(() => controlPlane.kill());
    return controlPlane;
  }

  /** The first ready pods, with a token each: one pod of each Service before the second one of any. */
  async members(count: number): Promise<readonly Member[]> {
    const members: Member[] = [];
    await inParallel(count, 8, async (index) => {
      const name = fakePodName(index);
      const path = `/api/v1/namespaces/${this.#namespace}/serviceaccounts/default/token`;
      const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name };
      const answer = await this.#api.send('POST', path, {
        spec: { audiences: ['weft'], expirationSeconds: 3600, boundObjectRef },
      });
      const { status }: { status?: { token: string } } = Object(answer);
      members.push({ node: `${this.#namespace}/${name}`, token: status?.token ?? '' });
    });
    return members;
  }

  /** Makes a spare pod ready, or not. Resolves with the time at which the API server had answered. */
  async setSpare(spare: number, ready: boolean): Promise<number> {
    await setReady(this.#api, this.#namespace, this.services * podsEach + spare, ready);
    return wallMs();
  }

  spareAddress(spare: number): string {
    return fakePodAddress(this.services * podsEach + spare);
  }

  /** The addresses of all pods that are no spares. */
  addresses(): string[] {
    return Array.from({ length: this.services * podsEach }, (_, index) => fakePodAddress(index));
  }

  /** Where the API server can be asked without credentials: "http://127.0.0.1:8001". */
  get address(): string {
    return this.#api.address;
  }

  /** When an EndpointSlice changed last, in milliseconds since the epoch. */
  get sliceAtMs(): number {
    return this.#sliceAtMs;
  }

  async #followSlices(): Promise<void> {
    const path = `/apis/discovery.k8s.io/v1/namespaces/${this.#namespace}/endpointslices`;
    await this.#api.watch(path, () => {
      this.#sliceAtMs = wallMs();
    });
    // The controller of slices may be behind with so many pods.
    await waitFor('the EndpointSlices to rest', () => this.#sliceAtMs > 0 && wallMs() - this.#sliceAtMs > 500, {
      timeoutMs: 120_000,
    });
  }
}

interface Place {
  readonly api: ApiProxy;
  /** For the control plane. */
  readonly access: ClusterAccess;
  /** For the reader: "the recorded API server". */
  readonly where: string;
  readonly isRecorded: boolean;
}

async function openApi(cleanup: Cleanup): Promise<Place> {
  const { KUBECONFIG } = process.env;
  if (KUBECONFIG) {
    const where = `the cluster of ${KUBECONFIG}`;
    return { api: await startApiProxy(), access: { kubeconfig: KUBECONFIG }, where, isRecorded: false };
  }
  const child = fork(new URL('./recorded-api-server.ts', import.meta.url));
  cleanup.teardown(() => child.connected && child.disconnect());
  const root = createBenchRoot();
  const start: RecordedServerStart = {
    ...root.certify({ ips: ['127.0.0.1'] }),
    token: randomBytes(600).toString('base64url'),
  };
  child.send(start);
  const [ports]: [RecordedServerPorts] = Object(await once(child, 'message'));
  const account = await cleanup.directory('bench-account-');
  await writeFile(join(account, 'token'), start.token, { mode: 0o600 });
  await writeFile(join(account, 'ca.crt'), root.pem);
  return {
    api: apiAt(`http://127.0.0.1:${ports.plain}`, () => {}),
    access: { account, host: '127.0.0.1', port: ports.tls },
    where: 'the recorded API server',
    isRecorded: true,
  };
}

/** Two control planes with roots of their own would write to the same namespaces. */
async function refuseOtherMesh(api: ApiProxy): Promise<void> {
  const named = async (path: string) => {
    const { items = [] }: { items?: { metadata: { namespace?: string; name: string } }[] } = Object(
      await api.send('GET', path),
    );
    return items;
  };
  const meshed = await named('/api/v1/namespaces?labelSelector=weft.dev/inject');
  const leases = await named('/apis/coordination.k8s.io/v1/leases?fieldSelector=metadata.name%3Dweft-control-plane');
  const found = meshed[0]?.metadata.name ?? leases[0]?.metadata.namespace;
  if (found !== undefined) throw new Error(`namespace ${found}: the cluster has a mesh; use a cluster without Weft`);
}

async function remove(api: ApiProxy, namespace: string): Promise<void> {
  console.log(`removing namespace ${namespace} ...`);
  await api.send('DELETE', `/api/v1/namespaces/${namespace}`);
  await api.send('DELETE', `/api/v1/nodes/${namespace}`);
  const isGone = () =>
    api.send('GET', `/api/v1/namespaces/${namespace}`).then(
      () => false,
      (error: unknown) => String(error).includes(' 404 '),
    );
  await waitFor('the namespace to go', isGone, { timeoutMs: 180_000, intervalMs: 500 });
}
