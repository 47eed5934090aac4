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
  const index = new TemplateIndex(candidates);
  const gone = new Set<Candidate>();
  const ages = Map.groupBy(candidates, ({ sinceMs }) => sinceMs);
  for (const age of [...ages.keys()].sort((a, b) => a - b)) {
    // Among those of one age, first those that one who was there before keeps out; they are in nobody's way.
    const left = (ages.get(age) ?? []).filter((one) => {
      const by = rivals(one, index).find((other) => other.sinceMs < age && !gone.has(other));
      if (by) refused.push({ path: one.path, by: by.path });
      if (by) gone.add(one);
      return by === undefined;
    });
    const both = left.flatMap((one) => {
      const by = rivals(one, index).find((other) => other.sinceMs === age && !gone.has(other) && left.includes(other));
      if (by === undefined) return [];
      const isOwn = by.path.namespace === one.path.namespace;
      // Within a namespace one of them may as well be served.
      if (isOwn && one.path.service < by.path.service) return [];
      return [{ one, by, both: !isOwn }];
    });
    for (const { one, by, both: isBoth } of both) {
      gone.add(one);
      refused.push({ path: one.path, by: by.path, both: isBoth });
    }
  }
  return refused;
}

function rivals(one: Candidate, index: TemplateIndex<Candidate>): readonly Candidate[] {
  return index.overlapping(one.steps).filter((other) => isRival(one, other));
}

function isRival(one: Candidate, other: Candidate): boolean {
  if (one === other || !(one.path.verb === other.path.verb || one.path.verb === '*' || other.path.verb === '*'))
    return false;
  if (one.path.namespace !== other.path.namespace) return one.depth === other.depth;
  // Two Services of the same replicas have one contract, and it does not matter which of them answers.
  return (
    one.path.service !== other.path.service && one.path.key === other.path.key && one.path.method !== other.path.method
  );
}
