import { setTimeout as sleep } from 'node:timers/promises';
import { Code } from '@connectrpc/connect';
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from '@weft/api/grpc/health/v1/health';
import { implement, type ServiceImplementation } from './implement.ts';
import { logger } from './log/logger.ts';
import { lastCause } from './outage.ts';
import { ServiceError } from './service-error.ts';

/** A readiness check of something that a service needs. Rejects if it is unavailable; stops when the signal is aborted. */
export type Check = (signal: AbortSignal) => Promise<void>;

/** A check that takes longer counts as failed. */
const checkTimeoutMs = 2_000;

/** Results are cached for this long, so that many requests cause one check. */
const freshMs = 1_000;

/** Readiness of a process: its checks, and whether it is about to stop. */
export class Readiness {
  readonly #checks: Readonly<Record<string, Check>>;
  readonly #failing = new Set<string>();
  #answer: { readonly since: number; readonly ready: Promise<boolean> } | undefined;
  readonly #drain = new AbortController();

  constructor(checks: Readonly<Record<string, Check>>) {
    this.#checks = checks;
  }

  get draining(): boolean {
    return this.#drain.signal.aborted;
  }

  /** Aborted when draining starts. */
  get drained(): AbortSignal {
    return this.#drain.signal;
  }

  /** Each check by name, and whether it succeeded in its last run. */
  get checks(): ReadonlyMap<string, boolean> {
    return new Map(Object.keys(this.#checks).map((name) => [name, !this.#failing.has(name)]));
  }

  /** Makes the process not ready, for good. */
  drain(): void {
    this.#drain.abort();
  }

  /** Whether the process is ready for new calls. Never takes longer than 2 s. */
  async isReady(): Promise<boolean> {
    if (this.draining) return false;
    const now = performance.now();
    if (!this.#answer || now - this.#answer.since > freshMs) this.#answer = { since: now, ready: this.#runAll() };
    return (await this.#answer.ready) && !this.draining;
  }

  async #runAll(): Promise<boolean> {
    const all = await Promise.all(Object.entries(this.#checks).map(([name, check]) => this.#run(name, check)));
    return !all.includes(false);
  }

  async #run(name: string, check: Check): Promise<boolean> {
    const signal = AbortSignal.timeout(checkTimeoutMs);
    try {
      await Promise.race([
        check(signal),
        new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      ]);
      if (this.#failing.delete(name)) logger().info({ check: name }, 'ready again');
      return true;
    } catch (error) {
      if (!this.#failing.has(name)) logger().warn({ check: name, reason: lastCause(error) }, 'not ready');
      this.#failing.add(name);
      return false;
    }
  }
}

/**
 * The standard health service. "" and each served service have one status: the process'.
 * See https://github.com/grpc/grpc/blob/master/doc/health-checking.md.
 */
export function healthService(readiness: Readiness, serviceNames: readonly string[]): ServiceImplementation {
  const known = new Set(['', ...serviceNames]);
  const status = async () => ((await readiness.isReady()) ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
  return implement(Health, {
    async check({ service }) {
      if (!known.has(service))
        throw new ServiceError(Code.NotFound, `health: unknown service ${JSON.stringify(service)}`);
      return { status: await status() };
    },
    async *watch({ service }, call) {
      const current = () => (known.has(service) ? status() : ServingStatus.SERVICE_UNKNOWN);
      const untilDrained = AbortSignal.any([call.signal, readiness.drained]);
      let last: ServingStatus | undefined;
      while (!call.signal.aborted) {
        const now = await current();
        if (now !== last) yield { status: now };
        last = now;
        if (readiness.draining) return; // Nothing else will come, and the server waits for its calls to end.
        await sleep(freshMs, undefined, { signal: untilDrained, ref: false }).catch(() => {});
      }
    },
    async list() {
      const now = await status();
      const statuses = new Map([...known].map((name) => [name, { status: now }]));
      // "check:database" beside the services: why it is not ready, for whoever runs it.
      for (const [name, holds] of readiness.checks)
        statuses.set(`check:${name}`, { status: holds ? ServingStatus.SERVING : ServingStatus.NOT_SERVING });
      return { statuses: Object.fromEntries(statuses) };
    },
  });
}
