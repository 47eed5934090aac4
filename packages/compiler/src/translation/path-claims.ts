import type { Change, Source } from '@weft/collections';

/** Since when a service has had each of its paths at a gateway, by "GET /v1/orders/*": epoch milliseconds. */
export type Claims = Readonly<Record<string, number>>;

/** A claim as it is kept across restarts: by "edge\nbakery/orders\nGET /v1/orders/*". */
export type StoredClaims = Readonly<Record<string, StoredClaim>>;

export interface StoredClaim {
  /** No two turns of a mesh have one time, so that what came in one turn is told from what came later. */
  readonly sinceMs: number;
  /** The service does not have the path any more, since then. */
  readonly goneMs?: number;
}

/** What a service has at a gateway, as far as claims go. */
export interface Claimant {
  /** "GET /v1/orders/*". */
  readonly paths: readonly string[];
}

/** How long a path that a service has given up, or that a new process has not seen yet, is still held for it. */
export const claimGraceMs = 3_600_000;

/** Of how many paths that it has given up a namespace is still the owner at a gateway; beyond them those are free that it gave up first. */
export const maxGonePaths = 10_000;

/**
 * Remembers which service had a path first. Facts do not tell: a contract has no age, and a new version of one is younger than a path
 * that it keeps. What a turn brings is known to the next one, so that a newcomer is one that is not known when it is judged.
 */
export class PathClaims {
  readonly #source: Source<Claims>;
  readonly #claims = new Map<string, Map<string, StoredClaim>>();
  readonly #fresh = new Set<string>();
  /** Those who have given up a path. */
  readonly #left = new Set<string>();
  /** What they have given up, by "edge\nbakery", the oldest first, whether or not it has come back since. */
  readonly #gone = new Map<string, (readonly [key: string, path: string, goneMs: number])[]>();
  #lastMs = 0;
  #version = 0;

  /** `source`: what derivations read, by "edge\nbakery/orders". */
  constructor(source: Source<Claims>) {
    this.#source = source;
  }

  /** Changes with every change of what should be kept. */
  get version(): number {
    return this.#version;
  }

  /** Takes what was kept. Whoever is not there at `nowMs` has a while to come back. */
  adopt(stored: StoredClaims, nowMs: number): void {
    for (const [key, { sinceMs, goneMs = nowMs }] of Object.entries(stored)) {
      const end = key.lastIndexOf('\n');
      const of = this.#of(key.slice(0, end));
      of.set(key.slice(end + 1), { sinceMs, goneMs });
      this.#fresh.add(key.slice(0, end));
      this.#left.add(key.slice(0, end));
      this.#giveUp(key.slice(0, end), key.slice(end + 1), goneMs);
      this.#lastMs = Math.max(this.#lastMs, sinceMs);
    }
  }

  /** Makes what is known readable, and forgets what has been given up for long. Within a turn, before it is judged. */
  begin(nowMs: number): void {
    for (const key of this.#left) this.#forget(key, nowMs);
    for (const key of this.#fresh) {
      const claims = this.#claims.get(key);
      if (claims === undefined || claims.size === 0) this.#source.delete(key);
      else this.#source.set(key, Object.fromEntries([...claims].map(([path, { sinceMs }]) => [path, sinceMs])));
    }
    this.#fresh.clear();
  }

  /** Notes what a turn has brought and taken. Whether there is anything that `begin` should make readable. */
  note(changes: ReadonlyMap<string, Change<Claimant>>, nowMs: number): boolean {
    if (changes.size === 0) return false;
    const turnMs = Math.max(nowMs, this.#lastMs + 1);
    for (const [key, { after }] of changes) {
      if (this.#noteOne(key, after?.paths ?? [], nowMs, turnMs)) this.#fresh.add(key);
    }
    if (this.#fresh.size === 0) return false;
    this.#lastMs = turnMs;
    this.#version += 1;
    return true;
  }

  /** What is to be kept. */
  stored(nowMs: number): StoredClaims {
    const found: Record<string, StoredClaim> = {};
    for (const [key, claims] of this.#claims) {
      for (const [path, claim] of claims) if (!isOver(claim, nowMs)) found[`${key}\n${path}`] = claim;
    }
    return found;
  }

  #forget(key: string, nowMs: number): void {
    const claims = this.#of(key);
    for (const [path, claim] of claims) {
      if (!isOver(claim, nowMs)) continue;
      claims.delete(path);
      this.#fresh.add(key);
      this.#version += 1;
    }
    if (![...claims.values()].some(({ goneMs }) => goneMs !== undefined)) this.#left.delete(key);
    if (claims.size === 0) this.#claims.delete(key);
  }

  #noteOne(key: string, paths: readonly string[], nowMs: number, turnMs: number): boolean {
    const claims = this.#of(key);
    const has = new Set(paths);
    let isOther = false;
    for (const [path, claim] of claims) {
      if (has.has(path) || claim.goneMs !== undefined) continue;
      claims.set(path, { ...claim, goneMs: nowMs });
      this.#left.add(key);
      this.#giveUp(key, path, nowMs);
      isOther = true;
    }
    for (const path of has) {
      const claim = claims.get(path);
      if (claim !== undefined && claim.goneMs === undefined) continue;
      claims.set(path, { sinceMs: claim?.sinceMs ?? turnMs });
      isOther = true;
    }
    return isOther;
  }

  /** Notes that a path is given up. Somebody who publishes other paths all the time does not fill the memory. */
  #giveUp(key: string, path: string, goneMs: number): void {
    const namespace = key.split('/')[0] ?? '';
    const gone = this.#gone.get(namespace) ?? [];
    gone.push([key, path, goneMs]);
    this.#gone.set(namespace, gone);
    // Half at once, so that it is rare.
    if (gone.length <= 2 * maxGonePaths) return;
    for (const [one, old, atMs] of gone.splice(0, gone.length - maxGonePaths)) {
      const claims = this.#claims.get(one);
      if (claims?.get(old)?.goneMs !== atMs) continue;
      claims.delete(old);
      this.#fresh.add(one);
    }
  }

  #of(key: string): Map<string, StoredClaim> {
    const claims = this.#claims.get(key) ?? new Map<string, StoredClaim>();
    this.#claims.set(key, claims);
    return claims;
  }
}

function isOver({ goneMs }: StoredClaim, nowMs: number): boolean {
  return goneMs !== undefined && nowMs - goneMs > claimGraceMs;
}
