import type { RateLimit } from './method.ts';

/** The period of a limit of which nobody says how long it is. */
export const defaultPeriodMs = 1000;

/** The limit that holds for a caller: its own, else that of each caller without one. */
export function limitFor(caller: string, limits: readonly RateLimit[]): RateLimit | undefined {
  return limits.find((limit) => limit.caller === caller) ?? limits.find((limit) => limit.caller === '*');
}
