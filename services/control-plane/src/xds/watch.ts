import { type TypeUrl, typeUrls } from '@weft/compiler/envoy/resource';
import { HeldResources } from './held-resources.ts';
import { digestOf, type Offer, type Part } from './offer.ts';

/** What a client wants of one type. */
export interface Subscription {
  /** Everything of the type, by `*` or by an empty first request. */
  readonly wildcard: boolean;
  /** It wants everything because it has never named anything, not even `*`. */
  readonly implicit: boolean;
  /** What it named. */
  readonly names: ReadonlySet<string>;
}

/** A response that the client has not answered yet. */
export interface Outstanding {
  readonly nonce: string;
  readonly resources: readonly Offer[];
  readonly removed: readonly string[];
  /** The version of everything that the client holds once it has taken this. */
  readonly version: string;
}

/** A refusal that still holds. */
export interface Refusal {
  readonly nonce: string;
  /** The client's words. */
  readonly message: string;
  /** What it refused: those that its words name, else all of the response. */
  readonly names: readonly string[];
}

/** One type on one stream: what the client wants, what it holds, and what it is still owed. Immutable. */
export interface Watch {
  readonly subscription: Subscription;
  /** What the client was sent last, or said that it holds; refused versions included, so that they are not sent again. */
  readonly held: HeldResources;
  /** Names that may have changed since they were sent. */
  readonly pending: ReadonlySet<string>;
  /** Names that must be answered even when the client holds them, or when there is nothing to hold. */
  readonly due: ReadonlySet<string>;
  /** Of `due`, those that get a response of their own, because they were refused in company. */
  readonly alone: ReadonlySet<string>;
  /** A response is owed even if it is empty. */
  readonly answerOwed: boolean;
  /** Oldest first. */
  readonly outstanding: readonly Outstanding[];
  /** The nonce of the newest response; empty before the first. */
  readonly lastNonce: string;
  /** Versions that the client refused, by name, while nothing better was taken. */
  readonly refused: ReadonlyMap<string, string>;
  readonly refusal?: Refusal;
  /** The version of everything as of the newest response that it took, while nothing is refused. */
  readonly ackedVersion?: string;
  /** The part of the snapshot that `pending` was last compared with. */
  readonly part: Part | undefined;
}

/** Types whose first request, if it names nothing, asks for everything. In state of the world, absence of one deletes it. */
export const wholeTypes: ReadonlySet<TypeUrl> = new Set([typeUrls.cluster, typeUrls.listener]);

/** The name that asks for everything. */
export const wildcardName = '*';

/** Whether a subscription wants `name`. */
export function covers(subscription: Subscription, name: string): boolean {
  return subscription.wildcard || subscription.names.has(name);
}

/** A watch that nothing was sent on. */
export function newWatch(subscription: Subscription, versions: Readonly<Record<string, string>> = {}): Watch {
  const brought = Object.entries(versions).filter(([name]) => covers(subscription, name));
  const held = HeldResources.none.with(
    brought.map(([name, version]) => [name, { version, digest: digestOf(name, version) }]),
  );
  const named = [...subscription.names];
  return {
    subscription,
    held,
    pending: new Set([...held.names(), ...named]),
    due: new Set(named.filter((name) => !held.has(name))),
    alone: new Set(),
    answerOwed: subscription.wildcard && held.size === 0,
    outstanding: [],
    lastNonce: '',
    refused: new Map(),
    ...(held.size > 0 ? { ackedVersion: held.version } : {}),
    part: undefined,
  };
}

/** Forgets what the client no longer wants, also what was still to be sent of it. */
export function narrow(watch: Watch, subscription: Subscription): Watch {
  const dropped = watch.held.names().filter((name) => !covers(subscription, name));
  const wanted = (names: Iterable<string>) => new Set([...names].filter((name) => covers(subscription, name)));
  return cleared({
    ...watch,
    subscription,
    held: watch.held.with([], dropped),
    pending: wanted(watch.pending),
    due: wanted(watch.due),
    alone: wanted(watch.alone),
    refused: new Map([...watch.refused].filter(([name]) => covers(subscription, name))),
  });
}

/** Adds names to what must be answered. */
export function withDue(watch: Watch, names: Iterable<string>): Watch {
  const due = new Set(watch.due);
  for (const name of names) due.add(name);
  return due.size === watch.due.size ? watch : { ...watch, due };
}

/** A refusal ends with the last name that it was about; and with nothing under way, all that is held is taken. */
export function cleared(watch: Watch): Watch {
  if (watch.refused.size > 0) return watch;
  const { refusal: _, ...rest } = watch;
  const idle = watch.outstanding.length === 0 && watch.lastNonce !== '';
  return idle ? { ...rest, ackedVersion: watch.held.version } : rest;
}
