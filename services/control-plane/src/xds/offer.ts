import { hash } from 'node:crypto';
import type { Resource, TypeUrl, View } from '@weft/compiler/envoy/resource';
import type { HeldClusters } from './held-resources.ts';

/** A resource at a version, as a client may already hold it. */
export interface Held {
  /** The version as it stands on the wire. */
  readonly version: string;
  /** A hash of name and version; a set of resources has the XOR of its members' digests. */
  readonly digest: bigint;
  /** Absent where the client only told us the version. */
  readonly resource?: Resource;
}

/** A resource under the version that one stream sends it with. The same object for every stream that sends the same. */
export interface Offer extends Held {
  readonly name: string;
  readonly resource: Resource;
}

const offers = new WeakMap<Resource, Map<string, Offer>>();

/**
 * The resource's own string for a name that a client has sent, so that the many names of many streams are kept once. A name without
 * a resource stays as it is.
 */
export function sharedName(view: View | undefined, typeUrl: TypeUrl, name: string): string {
  return view?.get(typeUrl, name)?.name ?? name;
}

/** The digest of one resource at one version, for `setVersion`. */
export function digestOf(name: string, version: string): bigint {
  return BigInt(`0x${hash('sha256', `${name}\0${version}`, 'hex').slice(0, 16)}`);
}

/** The version of a set of resources: 16 hex digits that do not depend on any order. */
export function setVersion(digest: bigint): string {
  return digest.toString(16).padStart(16, '0');
}

/** A resource as a stream offers it. `suffix` distinguishes what else its version stands for; see `offerOf`. */
function offer(resource: Resource, suffix: string): Offer {
  let bySuffix = offers.get(resource);
  if (bySuffix === undefined) {
    bySuffix = new Map();
    offers.set(resource, bySuffix);
  }
  let found = bySuffix.get(suffix);
  if (found === undefined) {
    const version = suffix === '' ? resource.version : `${resource.version}.${suffix}`;
    found = { name: resource.name, version, digest: digestOf(resource.name, version), resource };
    bySuffix.set(suffix, found);
  }
  return found;
}

/**
 * What a stream has for `name`, or undefined.
 *
 * The version of endpoints on the wire also holds the version of the cluster that the client was sent: a changed cluster waits
 * for its endpoints even when they did not change. A client that lost its stream in between names endpoints of the old
 * cluster's version when it comes back, to whichever control plane, and so gets them again.
 */
export function offerOf(
  view: View,
  typeUrl: TypeUrl,
  name: string,
  /** Only for endpoints. */
  heldClusters: HeldClusters | undefined,
): Offer | undefined {
  const resource = view.get(typeUrl, name);
  if (resource === undefined) return undefined;
  return offer(resource, heldClusters === undefined ? '' : heldClusters.versionsFor(name, view));
}
