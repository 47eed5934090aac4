import { createHash } from 'node:crypto';
import type { Collection, Graph } from '@weft/collections';
import type { ServiceId } from '../model/mesh.ts';
import { idOf } from '../model/names.ts';
import { type ResourceRef, refWords, serviceRef } from '../model/resource-ref.ts';
import type { Translation } from '../translation/translate.ts';
import type { GatewayPart } from './route-gateway.ts';

/**
 * What one service, or one route resource, adds to a route configuration that many of them share. Envoy takes or refuses such a
 * configuration as a whole, so this is the unit that is left out when Envoy refuses it.
 */
export interface Contribution {
  /** Stays when the content changes; unique in the route configuration. */
  readonly key: string;
  /** The content hash of `said`. */
  readonly version: string;
  /** Routes of a gateway, or a virtual host as its field in a RouteConfiguration. */
  readonly said: { readonly gateway: GatewayPart } | { readonly host: Uint8Array };
  /** What it was made from. */
  readonly sources: readonly ContributionSource[];
}

/** A resource that a contribution was made from. */
export interface ContributionSource {
  /** As its author knows it: "contracts/bakery/bakery.orders.binpb", "MeshPolicy bakery/orders". */
  readonly resource: string;
  readonly about: readonly ResourceRef[];
  /** Tells whether it is still the same. */
  readonly version: string;
}

/** Contributions that are not sent, by their keys. Each holds for one version only, so that a change is tried at once. */
export type SetAside = ReadonlyMap<string, Replacement>;

/** What is sent in place of one version of a contribution. */
export interface Replacement {
  /** Of the refused contribution. */
  readonly version: string;
  /** The last form that a proxy took; absent: there is none, and the contribution is left out. */
  readonly instead?: Contribution;
}

/** What is sent of the contributions that there are. */
export function withoutSetAside(
  offered: readonly Contribution[],
  setAside: SetAside | undefined,
): readonly Contribution[] {
  if (setAside === undefined) return offered;
  return offered.flatMap((contribution) => {
    const replacement = setAside.get(contribution.key);
    return replacement?.version === contribution.version ? (replacement.instead ?? []) : contribution;
  });
}

/** Whether two lists hold the same contributions. */
export function sameContributions(a: readonly Contribution[], b: readonly Contribution[]): boolean {
  return a.length === b.length && a.every((contribution, at) => contribution === b[at]);
}

/** The version of what a contribution says. */
export function versionOfPart(part: Uint8Array | GatewayPart): string {
  const digest = createHash('sha256');
  if (part instanceof Uint8Array) return digest.update(part).digest('hex').slice(0, 16);
  feed(digest, part);
  return digest.digest('hex').slice(0, 16);
}

/** Bytes as they are: as JSON each would be a member of an object. */
function feed(digest: ReturnType<typeof createHash>, value: unknown): void {
  if (value instanceof Uint8Array) {
    digest.update(value);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      digest.update(`${key}\0`);
      feed(digest, member);
    }
  } else {
    digest.update(`${value}\0`);
  }
}

/** By service: its contracts, and the policies and overrides that are laid over them; a service without any is its own source. */
export function sourcesOfServices(
  graph: Graph,
  { services, policies }: Translation,
): Collection<readonly ContributionSource[]> {
  return graph.derive('sources of services', services.laid, ({ versions }, read, id): readonly ContributionSource[] => {
    const found: ContributionSource[] = versions.flatMap(({ origin, refs, hash }) =>
      hash === '' ? [] : { resource: origin, about: refs ?? [], version: hash },
    );
    for (const { resource, ref, spec } of read.values(policies.policiesOf, id)) {
      found.push({ resource, about: [ref], version: JSON.stringify(spec) });
    }
    for (const { override } of read.values(policies.overridesOf, id)) {
      found.push({ resource: override.resource, about: [override.ref], version: JSON.stringify(override.spec) });
    }
    return found.length > 0 ? found : [serviceSource(idOf(id))];
  });
}

/** A service as the source of what it adds. */
export function serviceSource(id: ServiceId): ContributionSource {
  const ref = serviceRef(id);
  return { resource: refWords(ref), about: [ref], version: '' };
}
