/** How many there are in each zone; "" is an unknown one. */
export type ZoneCounts = ReadonlyMap<string, number>;

/** Zones that are only there should all others fail get one in so many calls. */
const whole = 1000;

/**
 * The weights by which a caller in zone `here` shares its calls among the zones of a service, so that as many as possible stay in its
 * zone and every replica of the service still gets the same from all of the caller's replicas together.
 *
 * Envoy's zone-aware routing does the same sum (docs: "zone aware routing"), but wants to know its own zone at its start, when no pod
 * knows it, and every replica of its own service; so it is done here, for its locality-weighted balancing. Each zone has a weight of
 * at least 1, so that calls go elsewhere when all replicas of a zone fail. A caller whose zone is not known prefers none.
 */
export function zoneWeights(here: string, callers: ZoneCounts, replicas: ZoneCounts): ReadonlyMap<string, number> {
  const share = shares(replicas);
  // What callers in no known zone call is spread over all, and leaves what remains of each zone in the same proportion.
  const known = shares(new Map([...callers].filter(([zone]) => zone !== '')));
  const own = known.get(here) ?? 0;
  const local = share.get(here) ?? 0;
  const weights = new Map<string, number>();
  if (here === '' || own === 0) {
    for (const [zone, part] of share) weights.set(zone, weight(part));
    return weights;
  }
  const stays = Math.min(1, local / own);
  const spare = new Map([...share].map(([zone, part]) => [zone, Math.max(0, part - (known.get(zone) ?? 0))]));
  const allSpare = [...spare.values()].reduce((sum, part) => sum + part, 0);
  for (const zone of share.keys()) {
    const part = zone === here ? stays : allSpare === 0 ? 0 : ((1 - stays) * (spare.get(zone) ?? 0)) / allSpare;
    weights.set(zone, weight(part));
  }
  return weights;
}

function weight(part: number): number {
  return Math.max(1, Math.round(part * whole));
}

function shares(counts: ZoneCounts): ZoneCounts {
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return new Map([...counts].map(([zone, count]) => [zone, all === 0 ? 0 : count / all]));
}
