import type { View } from '@weft/compiler/envoy/resource';
import { typeUrls } from '@weft/compiler/envoy/resource';
import { endpointsNameOf } from './endpoints-name.ts';
import { type Held, setVersion } from './offer.ts';

/** What one client holds of one type: names and versions. */
export class HeldResources {
  readonly #held = new Map<string, Held>();
  #digest = 0n;
  #version: string | undefined;

  get size(): number {
    return this.#held.size;
  }

  /** The version of all together. */
  get version(): string {
    this.#version ??= setVersion(this.#digest);
    return this.#version;
  }

  get(name: string): Held | undefined {
    return this.#held.get(name);
  }

  has(name: string): boolean {
    return this.#held.has(name);
  }

  names(): IterableIterator<string> {
    return this.#held.keys();
  }

  set(name: string, held: Held): void {
    const before = this.#held.get(name);
    if (before === held) return;
    // A map keeps its first key: the client's string goes, and that of the resource stays.
    if (before !== undefined && before.resource === undefined) this.#held.delete(name);
    this.#held.set(name, held);
    if (before?.version === held.version) return;
    this.#digest ^= before === undefined ? held.digest : before.digest ^ held.digest;
    this.#version = undefined;
  }

  delete(name: string): void {
    const before = this.#held.get(name);
    if (before === undefined) return;
    this.#held.delete(name);
    this.#digest ^= before.digest;
    this.#version = undefined;
  }
}

/** The clusters that one client holds, and which of them take which endpoints. */
export class HeldClusters extends HeldResources {
  /** Clusters whose endpoints have another name than theirs, by the name of the endpoints. Weft's own clusters are never here. */
  readonly #byEndpoints = new Map<string, Set<string>>();

  override set(name: string, held: Held): void {
    if (this.get(name) === held) return;
    this.#unlink(name);
    super.set(name, held);
    const endpoints = held.resource && endpointsNameOf(held.resource);
    if (endpoints === undefined || endpoints === name) return;
    const clusters = this.#byEndpoints.get(endpoints);
    if (clusters === undefined) this.#byEndpoints.set(endpoints, new Set([name]));
    else clusters.add(name);
  }

  override delete(name: string): void {
    this.#unlink(name);
    super.delete(name);
  }

  /** The versions of the clusters that take these endpoints, joined; empty when there is no such cluster. */
  versionsFor(endpoints: string, view: View): string {
    const same = this.get(endpoints);
    // Of a cluster that the client brought along, only the view may know which endpoints it takes.
    const cluster = same && (same.resource ?? view.get(typeUrls.cluster, endpoints));
    const own = cluster !== undefined && endpointsNameOf(cluster) === endpoints ? same?.version : undefined;
    const others = this.#byEndpoints.get(endpoints);
    if (others === undefined) return own ?? '';
    const names = own === undefined ? [...others] : [...others, endpoints];
    return names
      .sort()
      .map((name) => this.get(name)?.version)
      .join('.');
  }

  #unlink(name: string): void {
    if (this.#byEndpoints.size === 0) return;
    const resource = this.get(name)?.resource;
    const endpoints = resource && endpointsNameOf(resource);
    const clusters = endpoints === undefined ? undefined : this.#byEndpoints.get(endpoints);
    if (endpoints === undefined || clusters === undefined) return;
    clusters.delete(name);
    if (clusters.size === 0) this.#byEndpoints.delete(endpoints);
  }
}
