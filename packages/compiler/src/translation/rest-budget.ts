import { type PlacedPath, pathLayers } from '../model/path-layers.ts';
import { TemplateIndex } from '../model/template-index.ts';
import type { TemplateStep } from '../model/template-overlap.ts';

/** A REST path, as far as it costs a gateway something. */
export interface CostlyPath {
  readonly verb: string;
  readonly steps: readonly TemplateStep[];
  /** What shares routes: the methods of one contract of one service that take one message, or those that take many. */
  readonly group: string;
  /** Of the descriptor set that each route of the group holds. */
  readonly bytes: number;
  /** When the path came, in epoch milliseconds; Infinity: now. */
  readonly sinceMs: number;
}

/** What finding out which paths of a namespace overlap may cost, in steps of `TemplateIndex`: it is found out at every change of a path. */
export const maxOverlapSteps = 200_000;

/**
 * The paths of one namespace under one host name that are too much for a gateway. Each route holds the descriptor set of its contract,
 * and a group gets another route wherever paths of others stand between its own. The groups that came first have theirs first.
 */
export function pathsOverBudget<T extends CostlyPath>(paths: readonly T[], maxBytes: number): ReadonlyMap<T, string> {
  const over = new Map<T, string>();
  const groups = [...Map.groupBy(paths, ({ group }) => group)]
    .map(([group, own]) => ({
      group,
      own,
      sinceMs: own.reduce((first, one) => Math.min(first, one.sinceMs), Infinity),
    }))
    .sort((a, b) => a.sinceMs - b.sinceMs || (a.group < b.group ? -1 : 1));
  const kept = few(groups, over);
  const routes = new Map<string, Map<string, T[]>>();
  for (const [at, layer] of pathLayers(kept).entries()) {
    for (const placed of layer) routeOf(routes, at, placed).push(placed.entry);
  }
  let bytes = 0;
  for (const { group, own } of groups) {
    for (const held of routes.get(group)?.values() ?? []) {
      const with_ = bytes + (own[0]?.bytes ?? 0);
      if (with_ <= maxBytes) bytes = with_;
      else
        for (const path of held)
          over.set(path, `with it ${with_} bytes of descriptor sets; spec.quotas.gatewayBytes is ${maxBytes}`);
    }
  }
  return over;
}

/** The paths of the first groups, as far as it is cheap to find out what of others they overlap. */
function few<T extends CostlyPath>(groups: readonly { readonly own: readonly T[] }[], over: Map<T, string>): T[] {
  const before = new TemplateIndex<T>();
  const kept: T[] = [];
  for (const { own } of groups) {
    const fit = own.filter((path) => {
      if (before.looked <= maxOverlapSteps) before.overlapping(path.steps);
      if (before.looked <= maxOverlapSteps) return true;
      over.set(path, `the paths of its namespace overlap in more than ${maxOverlapSteps} steps`);
      return false;
    });
    for (const path of fit) before.add(path);
    kept.push(...fit);
  }
  return kept;
}

function routeOf<T extends CostlyPath>(
  routes: Map<string, Map<string, T[]>>,
  layer: number,
  placed: PlacedPath<T>,
): T[] {
  const own = routes.get(placed.entry.group) ?? new Map<string, T[]>();
  routes.set(placed.entry.group, own);
  const key = `${layer} ${placed.verb ?? ''}`;
  const route = own.get(key) ?? [];
  own.set(key, route);
  return route;
}
