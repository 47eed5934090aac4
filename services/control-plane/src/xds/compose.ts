import { HeldResources } from './held-resources.ts';
import type { Offer } from './offer.ts';
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
  const before = draft.replaces ? HeldResources.none : watch.held;
  const held = before.with(
    draft.resources.map((offer) => [offer.name, offer]),
    draft.removed,
  );
  const alone = new Set(watch.alone);
  for (const { name } of draft.resources) alone.delete(name);
  const refused = new Map(watch.refused);
  for (const name of refused.keys()) if (!held.has(name)) refused.delete(name);
  return {
    ...watch,
    held,
    alone,
    refused,
    answerOwed: false,
    lastNonce: nonce,
    outstanding: [
      ...watch.outstanding,
      { nonce, resources: draft.resources, removed: draft.removed, version: held.version },
    ],
  };
}
