import type { ServiceId } from './names.ts';
import type { OverrideEffect } from './override-effect.ts';
import type { ResourceRef } from './resource-ref.ts';

/** A MeshOverride: what somebody has said in an emergency, and what became of it. */
export interface Override {
  /** "bakery/deny-orders". */
  readonly id: `${string}/${string}`;
  readonly ref: ResourceRef;
  readonly service: ServiceId;
  /** Paths; empty: all methods of the service. */
  readonly methods: readonly string[];
  /** What of it holds now. Empty when nothing does. */
  readonly effects: readonly OverrideEffect[];
  /** Why parts of it have no effect. */
  readonly refusals: readonly OverrideRefusal[];
  /** `active` also when only a part of it holds; the problems name the rest. */
  readonly state: 'active' | 'ended' | 'refused';
  readonly reason: string;
  /** Who says to have made it; empty: nobody says. */
  readonly by: string;
  /** Epoch milliseconds; absent: it holds until it is removed, which only one that loosens nothing may. */
  readonly expiresMs?: number;
  /** Where it was read. */
  readonly origin: string;
}

/** A part of an override that has no effect. */
export interface OverrideRefusal {
  /** "spec.allow". */
  readonly field: string;
  /** What is wrong with it, with the value and the bound. */
  readonly message: string;
}

/** A refusal as people read it: "spec.allow: bakery.catalog may not call ...". */
export function refusalWords({ field, message }: OverrideRefusal): string {
  return `${field}: ${message}`;
}
