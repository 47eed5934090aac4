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
  return {
    ...watch,
    held,
    alone: without(watch.alone, (name) => draft.resources.some((offer) => offer.name === name)),
    refused: watch.refused.size === 0 ? watch.refused : new Map([...watch.refused].filter(([name]) => held.has(name))),
    answerOwed: false,
    lastNonce: nonce,
    outstanding: [
      ...watch.outstanding,
      { nonce, resources: draft.resources, removed: draft.removed, version: held.version },
    ],
  };
}

function without(names: ReadonlySet<string>, gone: (name: string) => boolean): ReadonlySet<string> {
  return names.size === 0 ? names : new Set([...names].filter((name) => !gone(name)));
}
