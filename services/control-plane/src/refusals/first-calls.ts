import { outboundName, serviceOfCluster } from '@weft/compiler/envoy/names';
import { typeUrls, type View } from '@weft/compiler/envoy/resource';
import type { ServiceId, WorkloadId } from '@weft/compiler/model/mesh';
import { type FirstCall, type FirstCallAnswer, notConnected } from '../replicas/first-call.ts';
import type { Delivery } from '../xds/delivery.ts';
import { maxSeenCallees, SeenCalls } from './seen-calls.ts';

/** How long a first call waits for its sidecar to take the routes. The sidecar itself waits a second longer for the answer. */
export const firstCallWaitMs = 2000;

const expiryIntervalMs = 600_000;

export interface FirstCallsOptions {
  /** `MeshCompiler.callsKey`. */
  readonly callsKey: (workload: WorkloadId) => string | undefined;
  /** Runs a turn in which proxies with these keys are told of whom they call. */
  readonly tell: (seen: Iterable<readonly [callsKey: string, services: readonly ServiceId[]]>) => void;
  /** What a proxy should hold now. */
  readonly view: (workload: WorkloadId) => View | undefined;
  readonly delivery: Pick<Delivery, 'takenVersion' | 'onAck' | 'onBrought'>;
  /** Whether there is a service. */
  readonly isService: (id: ServiceId) => boolean;
  /** Tells the replica of the control plane where the caller's sidecar is connected. Never rejects. Absent: there is no other. */
  readonly tellOthers?: (call: FirstCall) => Promise<FirstCallAnswer>;
}

/** Tells sidecars of callees that nobody declared: when their application first calls them. */
export class FirstCalls {
  readonly #options: FirstCallsOptions;
  readonly #seen = new SeenCalls();
  /** First calls that wait for their sidecar, told when it has taken something. */
  readonly #waiting = new Map<WorkloadId, Set<() => void>>();
  readonly #timer: NodeJS.Timeout;
  readonly #stopListening: readonly (() => void)[];

  constructor(options: FirstCallsOptions) {
    this.#options = options;
    const { delivery, isService } = options;
    this.#stopListening = [
      delivery.onAck(({ workload }) => {
        for (const look of this.#waiting.get(workload) ?? []) look();
      }),
      // A control plane that has just started learns from the proxies what the last one knew.
      delivery.onBrought(({ workload, clusters }) => {
        const services = clusters.slice(0, maxSeenCallees).map(serviceOfCluster);
        this.add(workload, services.filter((id) => id !== '').filter(isService));
      }),
    ];
    this.#timer = setInterval(() => this.#tell(this.#seen.expire(Date.now())), expiryIntervalMs).unref();
  }

  /**
   * Has the sidecar of a workload told of services that its application calls and may call, whichever replica of the control plane it is
   * connected to. Resolves with true when the sidecar has taken the routes; with false if it does not within `firstCallWaitMs`.
   */
  async tellAndWait(workload: WorkloadId, services: readonly ServiceId[]): Promise<boolean> {
    if (!this.isConnected(workload)) return (await this.#tellOthers(workload, services, true)).taken;
    this.add(workload, services);
    return this.taken(workload);
  }

  /** As `tellAndWait`, without waiting for the sidecar. Resolves with whether it was told of a service that it did not know. */
  async tell(workload: WorkloadId, services: readonly ServiceId[]): Promise<boolean> {
    if (!this.isConnected(workload)) return (await this.#tellOthers(workload, services, false)).changed;
    return this.add(workload, services);
  }

  /** Whether the sidecar of a workload is connected to this replica of the control plane. */
  isConnected(workload: WorkloadId): boolean {
    return this.#options.callsKey(workload) !== undefined;
  }

  /**
   * Remembers that the application of a workload whose sidecar is connected here calls services that it may call, so that the sidecar and
   * those of its other replicas are told of them. Returns whether any of them was not remembered yet.
   */
  add(workload: WorkloadId, services: readonly ServiceId[]): boolean {
    const key = this.#options.callsKey(workload);
    if (key === undefined || services.length === 0) return false;
    const changed = this.#seen.add(key, services, Date.now());
    this.#tell(changed);
    return changed.has(key);
  }

  /** Resolves with true when the sidecar of a workload has taken the routes of now; with false if it does not within `firstCallWaitMs`. */
  async taken(workload: WorkloadId): Promise<boolean> {
    if (this.#hasTaken(workload)) return true;
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(workload) ?? new Set<() => void>();
      this.#waiting.set(workload, waiting);
      const end = (taken: boolean) => {
        clearTimeout(timer);
        waiting.delete(look);
        if (waiting.size === 0) this.#waiting.delete(workload);
        resolve(taken);
      };
      const look = () => this.#hasTaken(workload) && end(true);
      const timer = setTimeout(() => end(false), firstCallWaitMs);
      waiting.add(look);
    });
  }

  close(): void {
    clearInterval(this.#timer);
    for (const stop of this.#stopListening) stop();
  }

  async #tellOthers(workload: WorkloadId, services: readonly ServiceId[], wait: boolean): Promise<FirstCallAnswer> {
    const { tellOthers } = this.#options;
    return tellOthers === undefined ? notConnected : tellOthers({ workload, services: [...services], wait });
  }

  #hasTaken(workload: WorkloadId): boolean {
    const { delivery, view } = this.#options;
    const version = view(workload)?.get(typeUrls.route, outboundName)?.version;
    return version !== undefined && delivery.takenVersion(workload, typeUrls.route, outboundName) === version;
  }

  #tell(callers: ReadonlySet<string>): void {
    if (callers.size === 0) return;
    this.#options.tell([...callers].map((key) => [key, this.#seen.callees(key)] as const));
  }
}
