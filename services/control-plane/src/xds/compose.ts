import type { Offer } from './offer.ts';
import type { Watch } from './watch.ts';

/** What one response carries, before it has a nonce. */
export interface Draft {
  readonly resources: readonly Offer[];
  /** Those of `resources` that the client must act on: it does not hold them yet, or has to be sent them again. */
  readonly news: readonly Offer[];
  /** Names that the client should drop. In state of the world they are only left out. */
  readonly removed: readonly string[];
  /** State of the world: the client drops what it holds and `resources` does not have. */
  readonly replaces?: boolean;
}

/** Looks up what there is now. */
export interface Offers {
  /** What to send for a name; undefined: there is no such resource. */
  offer(watch: Watch, name: string): Offer | undefined;
  /** All names of the watch's type. */
  names(watch: Watch): Iterable<string>;
}

/**
 * A protocol variant's decision: what to send now of one type. Takes the names that are decided off `pending` and `due`, and changes
 * nothing else. A resource that is gone is removed only when `removals` says so.
 */
export type Compose = (watch: Watch, offers: Offers, removals: boolean) => readonly Draft[];

/** No names. */
export const noNames: readonly string[] = [];

/** Nothing to send. */
export const noDrafts: readonly Draft[] = [];
