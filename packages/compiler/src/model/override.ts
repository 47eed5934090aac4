import type { ServiceId } from './names.ts';

/** A MeshOverride: what somebody has said in an emergency, and what became of it. */
export interface Override {
  /** "shop/deny-orders". */
  readonly id: `${string}/${string}`;
  readonly service: ServiceId;
  /** Paths; empty: all methods of the service. */
  readonly methods: readonly string[];
  /** What of it holds now, in words: "denies shop.orders", "deadline 500 ms". Empty when nothing does. */
  readonly effects: readonly string[];
  /** Why parts of it have no effect, in words. */
  readonly refusals: readonly string[];
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
