import type { ServiceId } from '@weft/compiler/model/mesh';

/** How long an undeclared call is remembered after the last time that the control plane was asked about it. */
export const seenCallLifetimeMs = 24 * 3_600_000;

/** The most undeclared callees that are remembered for one caller: those that were asked about last. */
export const maxSeenCallees = 256;

/** The most callers whose undeclared callees are remembered: those that asked last. */
export const maxSeenCallers = 10_000;

/**
 * Whom applications were seen to call without a declaration, by caller, within bounds. A caller is a `ProxyKeys.calls`: replicas of one
 * service share it, so that a new replica is told at once. What is forgotten is learned again at the next call.
 */
export class SeenCalls {
  /** Epoch milliseconds, the latest last. */
  readonly #seen = new Map<string, Map<ServiceId, number>>();

  /** Remembers callees of a caller. Returns the callers whose callees are others now. */
  add(caller: string, services: Iterable<ServiceId>, nowMs: number): ReadonlySet<string> {
    const changed = new Set<string>();
    const callees = this.#seen.get(caller) ?? new Map<ServiceId, number>();
    for (const service of services) {
      if (!callees.delete(service)) changed.add(caller);
      callees.set(service, nowMs);
    }
    for (const oldest of callees.keys()) {
      if (callees.size <= maxSeenCallees) break;
      callees.delete(oldest);
    }
    this.#seen.delete(caller);
    if (callees.size > 0) this.#seen.set(caller, callees);
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= maxSeenCallers) break;
      this.#seen.delete(oldest);
      changed.add(oldest);
    }
    return changed;
  }

  /** Forgets what was seen too long ago. Returns the callers whose callees are others now. */
  expire(nowMs: number): ReadonlySet<string> {
    const changed = new Set<string>();
    for (const [caller, callees] of this.#seen) {
      for (const [service, atMs] of callees) {
        if (nowMs - atMs < seenCallLifetimeMs) break;
        callees.delete(service);
        changed.add(caller);
      }
      if (callees.size === 0) this.#seen.delete(caller);
    }
    return changed;
  }

  /** What is remembered of a caller. */
  callees(caller: string): readonly ServiceId[] {
    return [...(this.#seen.get(caller)?.keys() ?? [])];
  }
}
