import type { Collection, Graph, Index } from '@weft/collections';
import type { Calls } from './calls.ts';
import { encodeEndpoints, type Place, weightsWord } from './endpoints.ts';
import type { Proxies } from './proxies.ts';
import { type Resource, sameResource } from './resource.ts';

/** The endpoints of callers that prefer their zone: of one name several, one for all callers with equal weights. */
export interface ZonedEndpoints {
  /** By calls and zones (`Proxies.byZones`): name to the key of its endpoints. */
  readonly keys: Collection<ReadonlyMap<string, string>>;
  /** Those calls and zones that hold the endpoints of a key. */
  readonly byKey: Index<ReadonlyMap<string, string>>;
  readonly endpoints: Collection<Resource>;
}

/** Makes them, each once. */
export function zonedEndpoints(
  graph: Graph,
  { byZones }: Proxies,
  { clusters }: Calls,
  places: Collection<readonly Place[]>,
): ZonedEndpoints {
  const keys = graph.group('zones of callers', byZones, (text, read): ReadonlyMap<string, string> => {
    const split = text.lastIndexOf('\n');
    const zones = text.slice(split + 1);
    const names = read.get(clusters, text.slice(0, split)) ?? [];
    return new Map(names.map((name) => [name, `${name}\n${weightsWord(zones, read.get(places, name) ?? [])}`]));
  });
  const byKey = keys.index('key', (found) => found.values());
  const endpoints = graph.group(
    'zoned endpoints',
    byKey,
    (key, read) => {
      const split = key.indexOf('\n');
      const name = key.slice(0, split);
      return encodeEndpoints(name, read.get(places, name) ?? [], key.slice(split + 1));
    },
    { same: sameResource },
  );
  return { keys, byKey, endpoints };
}
