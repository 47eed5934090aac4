import { type Held, type Offer, setVersion } from './offer.ts';
import type { Watch } from './watch.ts';

/** What one response carries, before it has a nonce. */
export interface Draft {
  readonly resources: readonly Offer[];
  /** Names that the client should drop. In state of the world they are only left out. */
  readonly removed: readonly string[];
  /** State of the world: resources that stay in a whole response although they are gone. */
  readonly replaces?: boolean;
}

/** What to send now of one type, and what stays to be sent. */
export interface Composed {
  readonly responses: readonly Draft[];
  readonly pending: ReadonlySet<string>;
  readonly due: ReadonlySet<string>;
}

/** A protocol variant's decision; pure. `offerFor` gives what the snapshot has for a name. */
export type Compose = (watch: Watch, offerFor: (name: string) => Offer | undefined, removals: boolean) => Composed;

/** The watch once `draft` was sent under `nonce`. */
export function sent(watch: Watch, draft: Draft, nonce: string): Watch {
  const held = draft.replaces ? new Map<string, Held>() : new Map(watch.held);
  let digest = draft.replaces ? 0n : watch.digest;
  for (const name of draft.removed) {
    const old = held.get(name);
    if (old === undefined) continue;
    held.delete(name);
    digest ^= old.digest;
  }
  const alone = new Set(watch.alone);
  const refused = new Map(watch.refused);
  for (const offer of draft.resources) {
    digest ^= (held.get(offer.name)?.digest ?? 0n) ^ offer.digest;
    held.set(offer.name, offer);
    alone.delete(offer.name);
  }
  for (const name of refused.keys()) if (!held.has(name)) refused.delete(name);
  return {
    ...watch,
    held,
    digest,
    alone,
    refused,
    answerOwed: false,
    lastNonce: nonce,
    outstanding: [
      ...watch.outstanding,
      { nonce, resources: draft.resources, removed: draft.removed, version: setVersion(digest) },
    ],
  };
}
