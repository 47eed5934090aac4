import { TemplateIndex } from '../model/template-index.ts';
import type { TemplateStep } from '../model/template-overlap.ts';
import type { ExposedPath, RefusedPath } from './exposure.ts';
import type { Grants } from './exposure-rows.ts';

/** A path under one host name. */
interface Candidate {
  readonly path: ExposedPath;
  readonly steps: readonly TemplateStep[];
  /** How much of it a row gives to its namespace. */
  readonly depth: number;
  /** Infinity: it came in this turn. */
  readonly sinceMs: number;
}

/**
 * Which paths are not served, and because of whom: those that no row gives to their namespace, and those that overlap with another
 * namespace's to which rows give no more and no less of the path. Of the latter the one that came first stays; of two that came at once
 * neither does. Where a row gives one of them a longer prefix, that one is also the more specific, and both stay. Within a namespace the
 * most specific path answers, and only of two that are the same the later one is refused. `sinceMs`: when a path came.
 */
export function judgePaths(
  grants: ReadonlyMap<ExposedPath, Grants>,
  sinceMs: (path: ExposedPath) => number | undefined,
): readonly RefusedPath[] {
  const refused: RefusedPath[] = [];
  const byHost = new Map<string, Candidate[]>();
  for (const [path, granted] of grants) {
    if (granted.size === 0) refused.push({ path, host: '' });
    for (const [host, depth] of granted) {
      const steps = path.steps ?? [{ literal: path.method }];
      const candidate = { path, steps, depth, sinceMs: sinceMs(path) ?? Number.POSITIVE_INFINITY };
      const of = byHost.get(host) ?? [];
      of.push(candidate);
      byHost.set(host, of);
    }
  }
  for (const [host, candidates] of byHost) {
    const isRest = ({ path }: Candidate) => path.steps !== undefined;
    for (const same of [candidates.filter(isRest), candidates.filter((one) => !isRest(one))]) {
      refused.push(...judge(same).map((one) => ({ ...one, host })));
    }
  }
  return refused;
}

function judge(candidates: readonly Candidate[]): Omit<RefusedPath, 'host'>[] {
  const refused: Omit<RefusedPath, 'host'>[] = [];
  // Those who were there before, without those whom others keep out. A look ends with the first rival, since there may be many.
  const held = new Rivals();
  const ages = Map.groupBy(candidates, ({ sinceMs }) => sinceMs);
  for (const age of [...ages.keys()].sort((a, b) => a - b)) {
    // Among those of one age, first those that one who was there before keeps out; they are in nobody's way.
    const left = (ages.get(age) ?? []).filter((one) => {
      const by = held.of(one);
      if (by) refused.push({ path: one.path, by: by.path });
      return by === undefined;
    });
    const together = new Rivals(left);
    for (const one of left) {
      const by = together.of(one);
      const isOwn = by?.path.namespace === one.path.namespace;
      // Within a namespace one of them may as well be served.
      if (by === undefined || (isOwn && one.path.service < by.path.service)) held.add(one);
      else refused.push({ path: one.path, by: by.path, both: !isOwn });
    }
  }
  return refused;
}

/** Candidates, found by whom they keep out. */
class Rivals {
  readonly #byNamespace = new Map<string, TemplateIndex<Candidate>>();
  readonly #byKey = new Map<string, Candidate[]>();

  constructor(candidates: Iterable<Candidate> = []) {
    for (const candidate of candidates) this.add(candidate);
  }

  add(candidate: Candidate): void {
    const { namespace } = candidate.path;
    const index = this.#byNamespace.get(namespace) ?? new TemplateIndex<Candidate>();
    index.add(candidate);
    this.#byNamespace.set(namespace, index);
    const same = this.#byKey.get(ownKey(candidate)) ?? [];
    same.push(candidate);
    this.#byKey.set(ownKey(candidate), same);
  }

  /** One that cannot be served beside this. */
  of(one: Candidate): Candidate | undefined {
    for (const [namespace, index] of this.#byNamespace) {
      if (namespace === one.path.namespace) continue;
      const found = index.find(one.steps, (other) => one.depth === other.depth && verbsMeet(one.path, other.path));
      if (found) return found;
    }
    // Two Services of the same replicas have one contract, and it does not matter which of them answers.
    return this.#byKey
      .get(ownKey(one))
      ?.find(({ path }) => path.service !== one.path.service && path.method !== one.path.method);
  }
}

/** Whether one request may have either's verb. */
function verbsMeet({ verb }: ExposedPath, other: ExposedPath): boolean {
  return verb === other.verb || verb === '*' || other.verb === '*';
}

function ownKey({ path: { namespace, key } }: Candidate): string {
  return `${namespace} ${key}`;
}
