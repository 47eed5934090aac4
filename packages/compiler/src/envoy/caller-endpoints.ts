import type { Collection, Graph, Index } from '@weft/collections';
import type { Calls } from './calls.ts';
import { encodeEndpoints, type Place, weightsWord } from './endpoints.ts';
import type { Proxies } from './proxies.ts';
import { type Resource, sameResource } from './resource.ts';
import type { CallerZones } from './zones.ts';

/**
 * The endpoints that connected proxies hold. Callers that prefer their zone hold other weights under the same name, so each weighting is
 * encoded once for all callers that share it.
 */
export interface CallerEndpoints {
  /** By `zonedName`: the key of the resource in `resources`. */
  readonly keys: Collection<string>;
  /** Those `zonedName`s that lead to a resource. */
  readonly byKey: Index<string>;
  /** Keys of `Proxies.byZones`, by the `zonedName`s of all that these proxies call. */
  readonly callers: Index<Callers>;
  readonly resources: Collection<Resource>;
}

/** What callers with the same rights in the same place call. */
interface Callers {
  readonly names: readonly string[];
  readonly zones: CallerZones;
}

/** Makes the endpoints that connected proxies hold. `places`: by name. */
export function callerEndpoints(
  graph: Graph,
  { byZones }: Proxies,
  { clusters }: Calls,
  places: Collection<readonly Place[]>,
): CallerEndpoints {
  const called = graph.group('callers by zone', byZones, (key, read): Callers => {
    const split = key.indexOf('\n');
    return { names: read.get(clusters, key.slice(0, split)) ?? [], zones: key.slice(split + 1) };
  });
  const callers = called.index('name', ({ names, zones }) => names.map((name) => zonedName(name, zones)));
  const keys = graph.group('endpoint keys', callers, (zoned, read): string => {
    const [name, zones] = split(zoned);
    return `${name}\n${zones === '' ? '' : weightsWord(zones, read.get(places, name) ?? [])}`;
  });
  const byKey = keys.index('key', (key) => [key]);
  const resources = graph.group(
    'endpoints',
    byKey,
    (key, read) => {
      const [name, weights] = split(key);
      return encodeEndpoints(name, read.get(places, name) ?? [], weights === '' ? undefined : weights);
    },
    { same: sameResource },
  );
  return { keys, byKey, callers, resources };
}

/** Endpoints as callers in one place see them. */
export function zonedName(name: string, zones: CallerZones): string {
  return `${name}\n${zones}`;
}

/** The name in a `zonedName` or in a key of the resources, and what follows it. */
function split(text: string): readonly [name: string, rest: string] {
  const at = text.indexOf('\n');
  return [text.slice(0, at), text.slice(at + 1)];
}
