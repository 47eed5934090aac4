import { TemplateIndex } from './template-index.ts';
import { bySpecificity, type TemplateStep } from './template-overlap.ts';

/** A verb and a path, and with what others it may share a route. */
export interface LayeredPath {
  /** "GET"; "*": any. */
  readonly verb: string;
  readonly steps: readonly TemplateStep[];
  readonly group: unknown;
}

/** A path and the verb by which its route must be told from others; undefined: by none. */
export interface PlacedPath<T> {
  readonly entry: T;
  readonly verb: string | undefined;
}

/**
 * Paths in the order in which Envoy has to look at them: within a layer nothing of different groups overlaps, so that one route takes
 * all paths of a group there that are told by one verb.
 */
export function pathLayers<T extends LayeredPath>(entries: readonly T[]): readonly (readonly PlacedPath<T>[])[] {
  const ordered = [...entries].sort(before);
  const order = new Map(ordered.map((entry, at) => [entry, at]));
  const byGroup = Map.groupBy(ordered, ({ group }) => group);
  // Of its own group nothing is asked, however much of it overlaps.
  const indexes = new Map([...byGroup].map(([group, own]) => [group, new TemplateIndex(own)]));
  const depth = new Map<T, number>();
  const found: PlacedPath<T>[][] = [];
  for (const [at, entry] of ordered.entries()) {
    const others = [...indexes].flatMap(([group, index]) =>
      group === entry.group ? [] : index.overlapping(entry.steps),
    );
    const earlier = others.filter((other) => (order.get(other) ?? 0) < at && verbsMeet(entry, other));
    const layer = earlier.reduce((deepest, other) => Math.max(deepest, (depth.get(other) ?? 0) + 1), 0);
    depth.set(entry, layer);
    const isTold = entry.verb !== '*' && others.some(({ verb }) => verb !== entry.verb);
    const placed = found[layer] ?? [];
    placed.push({ entry, verb: isTold ? entry.verb : undefined });
    found[layer] = placed;
  }
  return found;
}

function before(a: LayeredPath, b: LayeredPath): number {
  return bySpecificity(a.steps, b.steps) || Number(a.verb === '*') - Number(b.verb === '*');
}

function verbsMeet(a: LayeredPath, b: LayeredPath): boolean {
  return a.verb === b.verb || a.verb === '*' || b.verb === '*';
}
