import { isProbe } from '@weft/compiler/envoy/listener-probe';
import { type Resource, typeUrls } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { Delivery } from '../xds/delivery.ts';

export interface ProberOptions {
  readonly delivery: Pick<Delivery, 'onAck' | 'onNack' | 'takenVersion'>;
  /** Gives a proxy a listener besides its own; undefined: none any more. */
  readonly show: (proxy: WorkloadId, listener: Resource | undefined) => void;
  /** How long a proxy may take to answer. */
  readonly timeoutMs: number;
}

interface Pending {
  readonly name: string;
  readonly version: string;
  readonly answer: (refusal: string | undefined) => void;
}

/** Has proxies judge listeners that no call sees. One at a time for each proxy. */
export class Prober {
  readonly #options: ProberOptions;
  readonly #pending = new Map<WorkloadId, Pending>();
  readonly #stop: readonly (() => void)[];

  constructor(options: ProberOptions) {
    this.#options = options;
    const { delivery } = options;
    this.#stop = [
      delivery.onNack(({ workload, typeUrl, names, message }) => {
        if (typeUrl !== typeUrls.listener || !names.some(isProbe)) return;
        const pending = this.#pending.get(workload);
        if (pending && names.includes(pending.name)) pending.answer(message);
      }),
      delivery.onAck(({ workload, typeUrl }) => {
        const pending = typeUrl === typeUrls.listener ? this.#pending.get(workload) : undefined;
        if (pending && delivery.takenVersion(workload, typeUrl, pending.name) === pending.version) {
          pending.answer(undefined);
        }
      }),
    ];
  }

  /** Why a proxy refuses a probe; undefined: it accepts. Rejects when the proxy does not answer in time. */
  async judge(proxy: WorkloadId, probe: Resource): Promise<string | undefined> {
    const { show, timeoutMs } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
    const timer = setTimeout(() => reject(new Error(`${proxy} did not answer within ${timeoutMs} ms`)), timeoutMs);
    this.#pending.set(proxy, { name: probe.name, version: probe.version, answer: resolve });
    try {
      show(proxy, probe);
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#pending.delete(proxy);
    }
  }

  /** Takes the last probe off a proxy. */
  end(proxy: WorkloadId): void {
    this.#options.show(proxy, undefined);
  }

  close(): void {
    for (const stop of this.#stop) stop();
  }
}
