import { type TypeUrl, typeUrls } from '@weft/compiler/envoy/resource';
import { HeldClusters, HeldResources } from './held-resources.ts';
import { digestOf, type Offer } from './offer.ts';

/** What a client wants of one type. */
export interface Subscription {
  /** Everything of the type, by `*` or by an empty first request. */
  readonly wildcard: boolean;
  /** It wants everything because it has never named anything, not even `*`. */
  readonly implicit: boolean;
  /** What it named. */
  readonly names: Set<string>;
}

/** What a request changed about a subscription: nothing, which names it has, or that it now wants everything. */
export type SubscriptionChange = 'none' | 'names' | 'everything';

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

/** Types whose first request, if it names nothing, asks for everything. In state of the world, absence of one deletes it. */
export const wholeTypes: ReadonlySet<TypeUrl> = new Set([typeUrls.cluster, typeUrls.listener]);

/** The name that asks for everything. */
export const wildcardName = '*';

/** Whether a subscription wants `name`. */
export function covers(
  { wildcard, names }: { readonly wildcard: boolean; readonly names: ReadonlySet<string> },
  name: string,
): boolean {
  return wildcard || names.has(name);
}

/**
 * One type on one stream: what the client wants, what it holds, and what it is still owed. Only the state machine of stream.ts
 * changes it.
 */
export class Watch {
  readonly typeUrl: TypeUrl;
  subscription: Subscription;
  /** What the client was sent last, or said that it holds; refused versions included, so that they are not sent again. */
  readonly held: HeldResources;
  /** Names that the subscription covers and that may have changed since they were sent. */
  readonly pending = new Set<string>();
  /** Names that the subscription covers and that must be answered even when the client holds them, or when there is nothing to hold. */
  readonly due = new Set<string>();
  /** Names of `due` that each get a response of their own, because they were refused in company. */
  readonly alone = new Set<string>();
  /** A response is owed even if it is empty. */
  answerOwed: boolean;
  /** Oldest first. */
  readonly outstanding: Outstanding[] = [];
  /** The names in `outstanding`. */
  readonly underWay = new Set<string>();
  /** The nonce of the newest response; empty before the first. */
  lastNonce = '';
  /** Versions that the client refused, by name, while nothing better was taken. */
  readonly refused = new Map<string, string>();
  refusal: Refusal | undefined;
  /** The version of everything as of the newest response that it took, while nothing is refused. */
  ackedVersion: string | undefined;

  /** A watch that nothing was sent on. `versions`: what the client says that it holds, by name. */
  constructor(typeUrl: TypeUrl, subscription: Subscription, versions: Readonly<Record<string, string>> = {}) {
    this.typeUrl = typeUrl;
    this.subscription = subscription;
    this.held = typeUrl === typeUrls.cluster ? new HeldClusters() : new HeldResources();
    for (const [name, version] of Object.entries(versions)) {
      if (this.covers(name)) this.held.set(name, { version, digest: digestOf(name, version) });
    }
    for (const name of subscription.names) if (!this.held.has(name)) this.due.add(name);
    this.answerOwed = subscription.wildcard && this.held.size === 0;
    if (this.held.size > 0) this.ackedVersion = this.held.version;
  }

  covers(name: string): boolean {
    return covers(this.subscription, name);
  }

  /** Whether there may be something to send. */
  get owes(): boolean {
    return this.pending.size > 0 || this.due.size > 0 || this.answerOwed;
  }

  /** Whether the client has taken all that there is. */
  get settled(): boolean {
    return this.outstanding.length === 0 && this.pending.size === 0 && this.due.size === 0 && this.refused.size === 0;
  }

  /** Notes names that may have changed. */
  consider(names: Iterable<string>): void {
    // What is held is covered, and looked up again when it is sent.
    for (const name of names) if (this.held.has(name) || this.covers(name)) this.pending.add(name);
  }

  /** Notes that anything may have changed; `existing`: the names that there are now. */
  considerAll(existing: Iterable<string>): void {
    if (this.subscription.wildcard) for (const name of existing) this.pending.add(name);
    for (const name of this.subscription.names) if (!this.due.has(name)) this.pending.add(name);
    for (const name of this.held.names()) this.pending.add(name);
  }

  /** Notes that these names, which the subscription covers, must be answered. */
  owe(names: Iterable<string>): void {
    for (const name of names) this.due.add(name);
  }

  /** Takes a subscription that no longer covers some of `candidates`, and forgets those, also what was still to be sent of them. */
  narrow(subscription: Subscription, candidates: Iterable<string>): void {
    this.subscription = subscription;
    for (const name of candidates) {
      if (this.covers(name)) continue;
      this.held.delete(name);
      this.pending.delete(name);
      this.due.delete(name);
      this.alone.delete(name);
      this.refused.delete(name);
    }
    this.clear();
  }

  /** All names that the client holds or is owed. */
  knownNames(): Set<string> {
    return new Set([...this.held.names(), ...this.pending, ...this.due]);
  }

  /** Notes that a response was sent; the client then holds `version` of everything. */
  sent(response: Outstanding): void {
    for (const { name } of response.resources) this.underWay.add(name);
    for (const name of response.removed) this.underWay.add(name);
    if (this.alone.size > 0) for (const { name } of response.resources) this.alone.delete(name);
    if (this.refused.size > 0)
      for (const name of this.refused.keys()) if (!this.held.has(name)) this.refused.delete(name);
    this.answerOwed = false;
    this.lastNonce = response.nonce;
    this.outstanding.push(response);
  }

  /** Takes the response of a nonce off those that are outstanding; undefined: it is not one of them. */
  takeOutstanding(nonce: string): Outstanding | undefined {
    const [oldest] = this.outstanding;
    const response = oldest?.nonce === nonce ? oldest : this.outstanding.find((each) => each.nonce === nonce);
    if (response === undefined) return undefined;
    if (response === oldest) this.outstanding.shift();
    else this.outstanding.splice(this.outstanding.indexOf(response), 1);
    for (const { name } of response.resources) this.underWay.delete(name);
    for (const name of response.removed) this.underWay.delete(name);
    return response;
  }

  /** A refusal ends with the last name that it was about; and with nothing under way, all that is held is taken. */
  clear(): void {
    if (this.refused.size > 0) return;
    this.refusal = undefined;
    if (this.outstanding.length === 0 && this.lastNonce !== '') this.ackedVersion = this.held.version;
  }
}
