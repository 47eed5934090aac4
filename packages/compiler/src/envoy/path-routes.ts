import { create, toBinary } from '@bufbuild/protobuf';
import { type RouteMatch, RouteSchema } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { pathLayers } from '../model/path-layers.ts';
import type { TemplateStep } from '../model/template-overlap.ts';
import { exactHeader } from './route-match.ts';

/** Routes by verb and path, as they stand together: the REST of methods with one descriptor set, or a method without a contract. */
export interface PathGroup {
  readonly paths: readonly GroupPath[];
  /**
   * What is done with requests to any of `paths`: the fields of one Envoy route except its match and name, which follow from those
   * paths that it takes; or whole Envoy routes for all of them.
   */
  readonly action: { readonly name: string; readonly fields: Uint8Array } | { readonly routes: readonly Uint8Array[] };
}

/** A verb and a path. */
export interface GroupPath {
  /** "GET"; "*": any. */
  readonly verb: string;
  readonly steps: readonly TemplateStep[];
  /** Matches the path without its query. */
  readonly pattern: string;
  /** The method that answers: of two with the same verb, path and method one is enough. */
  readonly method: string;
  /** Host names under which it is served; "*": all that `foreignHosts` of its part does not have. */
  readonly hosts: readonly string[];
}

interface Entry extends GroupPath {
  readonly group: PathGroup;
}

/**
 * Envoy routes for groups of paths, so that a request gets the most specific of all that match its verb and path, whatever group it is
 * in. Where nothing of another group overlaps, one route takes all paths of a group, whatever the verb: descriptor sets are large.
 */
export function pathRoutes(groups: readonly PathGroup[]): readonly Uint8Array[] {
  const entries = distinct(groups.flatMap((group) => group.paths.map((path): Entry => ({ ...path, group }))));
  return pathLayers(entries).flatMap((layer) => {
    const byRoute = Map.groupBy(layer, ({ entry }) => entry.group);
    return [...byRoute].flatMap(([{ action }, members]) => {
      if ('routes' in action) return action.routes;
      const byVerb = Map.groupBy(members, ({ verb }) => verb);
      return [...byVerb].map(([verb, of]) => {
        const match = matchOf(
          of.map(({ entry }) => entry),
          verb,
        );
        // A message is its fields one after the other.
        return Buffer.concat([toBinary(RouteSchema, create(RouteSchema, { name: action.name, match })), action.fields]);
      });
    });
  });
}

/** Two Services of the same replicas have the same paths; requests go where the gRPC path does, so once is enough. */
function distinct(entries: readonly Entry[]): readonly Entry[] {
  const first = new Map<string, Entry>();
  for (const entry of entries) {
    const key = `${entry.method} ${entry.verb} ${entry.pattern}`;
    if (!first.has(key) || first.get(key)?.group === entry.group) first.set(key, entry);
  }
  return [...first.values()];
}

function matchOf(entries: readonly Entry[], verb: string | undefined): RouteMatch | undefined {
  const regex = [...new Set(entries.map(({ pattern }) => pattern))].sort().join('|');
  return create(RouteSchema, {
    match: {
      pathSpecifier: { case: 'safeRegex', value: { regex } },
      headers: verb === undefined ? [] : [exactHeader(':method', verb)],
    },
  }).match;
}
