import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { ApiError, type KubernetesApi } from './api.ts';

export interface LeaseOptions {
  readonly api: KubernetesApi;
  readonly namespace: string;
  readonly name: string;
  /** Who we are: the pod's name. */
  readonly holder: string;
  /** Called when it was won or lost. */
  readonly onChange?: (held: boolean) => void;
  /** How long it lasts without being renewed. Default: 15 s. */
  readonly durationMs?: number;
  /** How often it is renewed or tried. Default: a third of the duration. */
  readonly everyMs?: number;
  /** Default: Date.now. */
  readonly now?: () => number;
}

const leaseSchema = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string() }),
  spec: z
    .looseObject({
      holderIdentity: z.string().nullish(),
      leaseTransitions: z.number().nullish(),
      renewTime: z.string().nullish(),
    })
    .nullish(),
});

/**
 * A Lease (coordination.k8s.io/v1) that one replica holds at a time. Whoever holds it stops to believe so before others may take
 * it: when it could not be renewed for two thirds of its duration. Others judge by their own clock, from when they last saw it
 * change, so that clocks need not agree.
 */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #durationMs: number;
  readonly #now: () => number;
  readonly #stop = new AbortController();
  #renewedMs = Number.NEGATIVE_INFINITY;
  #seen: { mark: string; atMs: number } | undefined;
  #was = false;
  #running: Promise<void> | undefined;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#durationMs = options.durationMs ?? 15_000;
    this.#now = options.now ?? Date.now;
  }

  /** Whether we hold it now. */
  get held(): boolean {
    return this.#now() - this.#renewedMs < (this.#durationMs * 2) / 3;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Stops, and gives the lease up so that another may take it at once. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    if (this.held) await this.#release().catch(() => undefined);
    this.#renewedMs = Number.NEGATIVE_INFINITY;
  }

  /** Tries once to take or to renew it. */
  async attempt(): Promise<void> {
    try {
      await this.#attempt();
    } catch {
      // Away, or another was quicker: what is held lasts as long as it lasts.
    }
    if (this.held !== this.#was) {
      this.#was = this.held;
      this.#options.onChange?.(this.#was);
    }
  }

  async #run(): Promise<void> {
    const everyMs = this.#options.everyMs ?? this.#durationMs / 3;
    while (!this.#stop.signal.aborted) {
      await this.attempt();
      await sleep(everyMs, undefined, { signal: this.#stop.signal, ref: false }).catch(() => undefined);
    }
  }

  async #attempt(): Promise<void> {
    const { api, holder } = this.#options;
    const startedMs = this.#now();
    let found: z.output<typeof leaseSchema> | undefined;
    try {
      found = leaseSchema.parse(await api.call({ path: this.#path(true), idleMs: this.#durationMs / 3 }));
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
    }
    if (found?.spec?.holderIdentity && found.spec.holderIdentity !== holder) {
      const mark = `${found.spec.holderIdentity} ${found.spec.renewTime}`;
      if (this.#seen?.mark !== mark) this.#seen = { mark, atMs: startedMs };
      if (startedMs - this.#seen.atMs < this.#durationMs) return;
    }
    await this.#put(found, holder);
    // From before the request: others count from when they see it, which is later.
    this.#renewedMs = startedMs;
  }

  async #release(): Promise<void> {
    const found = leaseSchema.parse(await this.#options.api.call({ path: this.#path(true) }));
    if (found.spec?.holderIdentity === this.#options.holder) await this.#put(found, '');
  }

  async #put(found: z.output<typeof leaseSchema> | undefined, holder: string): Promise<void> {
    const { api, name, namespace } = this.#options;
    const nowText = `${new Date(this.#now()).toISOString().slice(0, -1)}000Z`;
    const changes = found?.spec?.holderIdentity !== holder;
    const spec = {
      ...found?.spec,
      holderIdentity: holder,
      leaseDurationSeconds: Math.ceil(this.#durationMs / 1000),
      renewTime: nowText,
      ...(changes ? { acquireTime: nowText, leaseTransitions: (found?.spec?.leaseTransitions ?? 0) + 1 } : {}),
    };
    const metadata = { ...found?.metadata, name, namespace };
    const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
    const request = found
      ? { method: 'PUT' as const, path: this.#path(true), body }
      : { method: 'POST' as const, path: this.#path(false), body };
    await api.call({ ...request, idleMs: this.#durationMs / 3 });
  }

  #path(itself: boolean): string {
    const { namespace, name } = this.#options;
    return `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases${itself ? `/${name}` : ''}`;
  }
}
