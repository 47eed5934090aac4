import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ApiError, type KubernetesApi } from '../kubernetes/api.ts';

export interface ReplicaLeasesOptions {
  readonly api: KubernetesApi;
  readonly namespace: string;
  /** The pod's name. */
  readonly replica: string;
  /** Where other replicas reach this one's port for proxies, "host:port". Absent: they do not. */
  readonly address?: string;
  /** Proxies of this replica that have not taken a bundle. */
  readonly waitingFor: (bundle: string) => readonly string[];
  /** Default: Date.now. */
  readonly now?: () => number;
  /** A replica that has said nothing for so long is gone. Default: 30 s. */
  readonly goneMs?: number;
}

const label = 'weft.dev/replica';
const rootsAnnotation = 'weft.dev/roots';
const addressAnnotation = 'weft.dev/xds';
const leaseObject = z.looseObject({
  metadata: z.looseObject({ name: z.string(), annotations: z.record(z.string(), z.string()).nullish() }),
  spec: z.looseObject({ renewTime: z.string().nullish(), holderIdentity: z.string().nullish() }).nullish(),
});
const leases = z.looseObject({ items: z.array(leaseObject) });
type LeaseObject = z.infer<typeof leaseObject>;

/**
 * What replicas of the control plane tell each other, each on a Lease of its own: where it listens, and which bundle of roots all of
 * its proxies have taken. A replica whose Lease is not renewed any more is gone, and its proxies are with another.
 */
export class ReplicaLeases {
  readonly #options: ReplicaLeasesOptions;
  readonly #now: () => number;

  constructor(options: ReplicaLeasesOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** Renews the Lease of this replica, and says what its proxies have taken. To be repeated every few seconds. */
  async tell(bundle: string): Promise<void> {
    const { api, replica, namespace, waitingFor, address } = this.#options;
    const taken = waitingFor(bundle).length === 0 ? markOf(bundle) : '';
    const metadata = {
      name: this.#name(),
      namespace,
      labels: { [label]: 'true' },
      annotations: { [rootsAnnotation]: taken, ...(address === undefined ? {} : { [addressAnnotation]: address }) },
    };
    const renewTime = `${new Date(this.#now()).toISOString().slice(0, -1)}000Z`;
    const spec = { holderIdentity: replica, renewTime };
    const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
    try {
      await api.call({ method: 'PATCH', path: `${this.#path()}/${this.#name()}`, body });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      await api.call({ method: 'POST', path: this.#path(), body });
    }
  }

  /** Other replicas that have proxies which have not taken a bundle, or do not know it yet themselves. */
  async others(bundle: string): Promise<readonly string[]> {
    const alive = await this.#othersAlive();
    return alive
      .filter(({ metadata }) => metadata.annotations?.[rootsAnnotation] !== markOf(bundle))
      .map(({ spec, metadata }) => `the proxies of ${spec?.holderIdentity ?? metadata.name}`);
  }

  /** Where the other replicas listen for proxies, "host:port". */
  async addresses(): Promise<readonly string[]> {
    const alive = await this.#othersAlive();
    return alive.flatMap(({ metadata }) => metadata.annotations?.[addressAnnotation] ?? []);
  }

  async #othersAlive(): Promise<readonly LeaseObject[]> {
    const { api, replica, goneMs = 30_000 } = this.#options;
    const query = { labelSelector: label };
    const { items } = leases.parse(await api.call({ path: this.#path(), query }));
    return items
      .filter(({ spec }) => this.#now() - Date.parse(spec?.renewTime ?? '') < goneMs)
      .filter(({ spec }) => spec?.holderIdentity !== replica);
  }

  /** Says that we go. */
  async close(): Promise<void> {
    await this.#options.api
      .call({ method: 'DELETE', path: `${this.#path()}/${this.#name()}`, idleMs: 2000 })
      .catch(() => undefined);
  }

  #name(): string {
    return `weft-replica-${this.#options.replica}`;
  }

  #path(): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${this.#options.namespace}/leases`;
  }
}

function markOf(bundle: string): string {
  return createHash('sha256').update(bundle).digest('hex').slice(0, 16);
}
