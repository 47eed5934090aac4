import { createHash } from 'node:crypto';

/** A stretch of time in which a workload has one certificate. */
export interface Epoch {
  readonly number: number;
  readonly startMs: number;
  /** When the next one begins: the certificate is then at half of its life. */
  readonly endMs: number;
}

/**
 * The epoch of a moment, for a certificate of a given lifetime.
 *
 * Epochs last half a lifetime and follow from the name and the clock alone: a control plane that restarts, or another replica of
 * it, finds the same one, whichever root signs. Each name has its own phase, so that renewals spread evenly.
 */
export function epochAt(nowMs: number, lifetimeMs: number, name: string): Epoch {
  const periodMs = Math.max(1, Math.floor(lifetimeMs / 2));
  const spread = createHash('sha256').update(`phase ${name}`).digest().readUInt32BE(0) / 2 ** 32;
  const phaseMs = Math.floor(spread * periodMs);
  const number = Math.floor((nowMs - phaseMs) / periodMs);
  const startMs = number * periodMs + phaseMs;
  return { number, startMs, endMs: startMs + periodMs };
}
