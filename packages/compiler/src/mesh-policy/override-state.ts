import type { MeshOverride } from './read-resource.ts';

/** The longest that an override may loosen anything, from the moment that it was made. */
export const longestLooseningMs = 24 * 3_600_000;

/** How far the clock of whoever made a resource may be ahead of ours. */
const clockSkewMs = 60_000;

/** An override at one moment. */
export interface OverrideNow {
  readonly override: MeshOverride;
  readonly ended: boolean;
  /** Why it may loosen nothing; absent: it may. */
  readonly refusal?: { readonly field: string; readonly message: string; readonly advice: string };
  /** When this is no longer so. */
  readonly untilMs?: number;
}

/** What of an override time decides. */
export function overrideAt(override: MeshOverride, nowMs: number): OverrideNow {
  const { expires } = override.spec;
  if (expires !== undefined && expires <= nowMs) return { override, ended: true };
  const early = override.createdMs !== undefined && override.createdMs > nowMs + clockSkewMs;
  const refusal = looseningRefusal(override, early);
  // One that was made in the future is looked at again when that has come.
  const untilMs = early ? Math.min((override.createdMs ?? 0) - clockSkewMs, expires ?? Infinity) : expires;
  return {
    override,
    ended: false,
    ...(refusal === undefined ? {} : { refusal }),
    ...(untilMs === undefined ? {} : { untilMs }),
  };
}

function looseningRefusal({ spec, createdMs }: MeshOverride, early: boolean) {
  if ((spec.reason ?? '').trim() === '') {
    return {
      field: 'spec.reason',
      message: 'an override that loosens a contract needs a reason',
      advice: 'the reason, in words',
    };
  }
  if (spec.expires === undefined) {
    return {
      field: 'spec.expires',
      message: 'an override that loosens a contract needs an end',
      advice: 'a time within 24 h of its creation',
    };
  }
  if (createdMs === undefined) {
    return {
      field: 'metadata.creationTimestamp',
      message: 'an override that loosens a contract needs its creation time',
      advice: 'the time of its creation; `weft override` and Kubernetes write it',
    };
  }
  if (early) {
    return {
      field: 'metadata.creationTimestamp',
      message: `was made in the future (${new Date(createdMs).toISOString()})`,
      advice: 'the time of its creation',
    };
  }
  if (spec.expires - createdMs > longestLooseningMs) {
    return {
      field: 'spec.expires',
      message: `an override that loosens a contract must end within 24 h of its creation, not after ${Math.ceil((spec.expires - createdMs) / 360_000) / 10} h`,
      advice: `at most ${new Date(createdMs + longestLooseningMs).toISOString()}`,
    };
  }
  return undefined;
}
