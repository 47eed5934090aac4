import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { Resource, Snapshot, TypeUrl } from '@weft/compiler/envoy/resource';
import { typeUrls } from '@weft/compiler/envoy/resource';
import {
  DeltaDiscoveryRequestSchema,
  DiscoveryRequestSchema,
} from '@weft/envoy-api/envoy/service/discovery/v3/discovery';
import { endpointsNameOf } from '../endpoints-name.ts';
import { isWaiting } from '../order.ts';
import { step } from '../stream.ts';
import { type StreamEvent, StreamState, type XdsResponse } from '../stream-state.ts';
import { wholeTypes } from '../watch.ts';
import { workload } from './client.ts';
import { TestView } from './views.ts';

/** What the client wants and holds of one type; it outlives streams. */
export interface Wanted {
  wildcard: boolean;
  /** Once true, wanting nothing is said by an empty list. */
  named: boolean;
  readonly names: Set<string>;
  readonly held: Map<string, { readonly version: string; readonly resource: Resource }>;
  /** Of the current stream. */
  begun: boolean;
  nonce: string;
  /** State of the world: the last that was taken. */
  version: string;
}

type DeltaFields = Omit<
  MessageInitShape<typeof DeltaDiscoveryRequestSchema>,
  '$typeName' | '$unknown' | 'node' | 'typeUrl'
>;

/**
 * The protocol from the client's side, with messages under way in both directions, against the state machine of one stream after
 * another. It refuses what `refuses` says: of clusters and listeners only those, of other types the whole response.
 */
export class ModelClient {
  readonly views = new Map<TypeUrl, Wanted>();
  /** Clusters that wait for their endpoints. */
  readonly warming = new Set<string>();
  /** Clusters that have had their endpoints once, and so can take calls. */
  readonly ready = new Set<string>();
  readonly #variant: 'delta' | 'sotw';
  readonly #options: { readonly refuses: (resource: Resource) => boolean; readonly onChange?: () => void };
  readonly #view = new TestView();
  #stream: StreamState;
  #identified = false;
  #nonces = new Set<string>();
  #toServer: StreamEvent[] = [];
  #toClient: XdsResponse[] = [];

  constructor(variant: 'delta' | 'sotw', options: ModelClient['options']) {
    this.#variant = variant;
    this.#options = options;
    this.#stream = new StreamState(variant, workload);
  }

  get options() {
    return this.#options;
  }

  get stream(): StreamState {
    return this.#stream;
  }

  /** Shows the server another snapshot. The stream's turn to be told of it comes with `push`. */
  turn(snapshot: Snapshot): void {
    this.#serve({ kind: 'changed', view: this.#view, names: this.#view.show(snapshot) });
  }

  push(): void {
    this.#serve({ kind: 'push' });
  }

  /** The transport's fill level. */
  transport(kind: 'blocked' | 'drained'): void {
    this.#serve({ kind });
  }

  /** Changes what the client wants of a type: names, or `*`. */
  want(typeUrl: TypeUrl, subscribe: readonly string[], unsubscribe: readonly string[] = []): void {
    let view = this.views.get(typeUrl);
    if (view === undefined) {
      const fresh = { wildcard: false, named: false, names: new Set<string>(), held: new Map() };
      view = { ...fresh, begun: false, nonce: '', version: '' };
      this.views.set(typeUrl, view);
    }
    // In delta what is already wanted may be asked for again; unsubscribing needs a subscription.
    const added = [...new Set(subscribe)];
    const dropped = unsubscribe.filter(
      (name) => !added.includes(name) && (name === '*' ? view.wildcard : view.names.has(name)),
    );
    for (const name of dropped) if (name === '*') view.wildcard = false;
    for (const name of dropped) {
      view.names.delete(name);
      if (view.wildcard && this.#variant === 'delta') view.held.delete(name);
    }
    for (const name of added) {
      if (name === '*') view.wildcard = true;
      else view.names.add(name);
    }
    if (added.length > 0 || dropped.length > 0) view.named = true;
    for (const name of view.held.keys()) if (!this.#wants(view, name)) view.held.delete(name);
    if (typeUrl === typeUrls.cluster) this.#followClusters([]);
    if (!view.begun) this.#begin(typeUrl, view);
    else if (this.#variant === 'sotw') this.#askSotw(typeUrl, view, view.nonce);
    else if (added.length > 0 || dropped.length > 0) {
      this.#askDelta(typeUrl, { resourceNamesSubscribe: added, resourceNamesUnsubscribe: dropped });
    }
  }

  /** Asks for everything by naming nothing: only as the first request of clusters or listeners. */
  wantAll(typeUrl: TypeUrl): void {
    if (this.views.has(typeUrl)) return;
    const view = { wildcard: true, named: false, names: new Set<string>(), held: new Map() };
    const fresh = { ...view, begun: false, nonce: '', version: '' };
    this.views.set(typeUrl, fresh);
    this.#begin(typeUrl, fresh);
  }

  /** Sends an answer to a response that never was. */
  answerNothing(typeUrl: TypeUrl): void {
    const view = this.views.get(typeUrl);
    if (!view?.begun) return;
    if (this.#variant === 'delta') this.#askDelta(typeUrl, { responseNonce: 'never', errorDetail: { code: 13 } });
    else this.#askSotw(typeUrl, view, 'never');
  }

  /** Loses the stream with all that is under way on it, and begins the next. */
  reconnect(): void {
    this.#toServer = [];
    this.#toClient = [];
    this.#nonces = new Set();
    this.#identified = false;
    this.#stream = new StreamState(this.#variant, workload, this.#stream);
    this.#serve({ kind: 'changed', view: this.#view, names: 'everything' });
    for (const view of this.views.values()) {
      view.begun = false;
      view.nonce = '';
    }
    for (const [typeUrl, view] of this.views) this.#begin(typeUrl, view);
  }

  /** Lets the server take one message. False: there is none. */
  deliverToServer(): boolean {
    const event = this.#toServer.shift();
    if (event !== undefined) this.#serve(event);
    return event !== undefined;
  }

  /** Lets the client take one message. False: there is none. */
  deliverToClient(): boolean {
    const response = this.#toClient.shift();
    if (response !== undefined) this.#take(response);
    return response !== undefined;
  }

  /** Delivers until nothing is under way. Throws when that does not come. */
  settle(): void {
    this.transport('drained');
    this.push();
    for (let messages = 0; messages < 2_000; messages++) {
      if (this.deliverToServer() || this.deliverToClient()) continue;
      if (!isWaiting(this.#stream)) return;
      this.#serve({ kind: 'waited' });
    }
    throw new Error('the stream does not come to rest');
  }

  #wants(view: Wanted, name: string): boolean {
    return view.wildcard || view.names.has(name);
  }

  #begin(typeUrl: TypeUrl, view: Wanted): void {
    // An empty first request would ask for everything.
    if (!view.wildcard && view.names.size === 0) return;
    view.begun = true;
    if (this.#variant === 'sotw') {
      this.#askSotw(typeUrl, view, '');
      return;
    }
    const versions = [...view.held].map(([name, { version }]) => [name, version]);
    this.#askDelta(typeUrl, {
      resourceNamesSubscribe: view.named ? [...(view.wildcard ? ['*'] : []), ...view.names] : [],
      initialResourceVersions: Object.fromEntries(versions),
    });
  }

  #askDelta(typeUrl: TypeUrl, fields: DeltaFields): void {
    const request = create(DeltaDiscoveryRequestSchema, { ...fields, ...this.#node(), typeUrl });
    this.#toServer.push({ kind: 'delta request', request });
  }

  #askSotw(typeUrl: TypeUrl, view: Wanted, responseNonce: string, error?: string): void {
    const request = create(DiscoveryRequestSchema, {
      ...this.#node(),
      typeUrl,
      responseNonce,
      versionInfo: view.version,
      resourceNames: view.named ? [...(view.wildcard ? ['*'] : []), ...view.names] : [],
      ...(error === undefined ? {} : { errorDetail: { code: 13, message: error } }),
    });
    this.#toServer.push({ kind: 'sotw request', request });
  }

  #node() {
    if (this.#identified) return {};
    this.#identified = true;
    return { node: { id: workload } };
  }

  #serve(event: StreamEvent): void {
    for (const effect of step(this.#stream, event)) {
      if (effect.kind === 'end') throw new Error(`the stream was ended: ${effect.message}`);
      if (effect.kind === 'send') this.#toClient.push(effect.response);
    }
    for (const watch of this.#stream.watches.values()) {
      const underWay = watch.outstanding.flatMap(({ resources }) => resources.map(({ name }) => name));
      if (new Set(underWay).size < underWay.length) throw new Error(`twice under way: ${underWay}`);
    }
  }

  #take({ typeUrl, nonce, version, resources, removed }: XdsResponse): void {
    const all = [...resources.map(({ name }) => name), ...removed];
    if (new Set(all).size < all.length) throw new Error(`a name stands twice in a response: ${all}`);
    if (this.#nonces.has(nonce)) throw new Error(`a nonce came twice: ${nonce}`);
    this.#nonces.add(nonce);
    const view = this.views.get(typeUrl);
    if (view === undefined) throw new Error(`a response of a type that nobody asked for: ${typeUrl}`);
    view.nonce = nonce;
    const whole = wholeTypes.has(typeUrl);
    const bad = resources.filter(({ resource }) => this.#options.refuses(resource));
    const good = bad.length === 0 || whole ? resources.filter((offer) => !bad.includes(offer)) : [];
    const changed: Resource[] = [];
    for (const { name, version: newVersion, resource } of good) {
      if (!this.#wants(view, name)) continue;
      if (view.held.get(name)?.resource.version !== resource.version) changed.push(resource);
      view.held.set(name, { version: newVersion, resource });
    }
    if (bad.length === 0 || whole) {
      for (const name of removed) view.held.delete(name);
      if (this.#variant === 'sotw' && whole) {
        const listed = new Set(resources.map(({ name }) => name));
        for (const name of view.held.keys()) if (!listed.has(name)) view.held.delete(name);
      }
    }
    const named = bad.map(({ name }) => `${name}: bad`).join(', ');
    const error = bad.length === 0 ? undefined : whole ? `Error adding/updating cluster(s) ${named}` : 'bad';
    if (error === undefined) view.version = version;
    const names = new Set(good.map(({ name }) => name));
    if (typeUrl === typeUrls.endpoints) for (const name of [...names, ...removed]) this.#warm(name);
    if (this.#variant === 'sotw') this.#askSotw(typeUrl, view, nonce, error);
    else {
      const errorDetail = error === undefined ? {} : { errorDetail: { code: 13, message: error } };
      this.#askDelta(typeUrl, { responseNonce: nonce, ...errorDetail });
    }
    if (typeUrl === typeUrls.cluster) this.#followClusters(changed);
    this.#options.onChange?.();
  }

  #warm(endpointsName: string): void {
    this.warming.delete(endpointsName);
    this.ready.add(endpointsName);
  }

  /** Asks for the endpoints of the clusters that it has, as Envoy does. */
  #followClusters(changed: readonly Resource[]): void {
    const clusters = this.views.get(typeUrls.cluster)?.held ?? new Map();
    const wanted = new Set<string>();
    for (const { resource } of clusters.values()) wanted.add(endpointsNameOf(resource) ?? '');
    for (const resource of changed) this.warming.add(endpointsNameOf(resource) ?? '');
    for (const name of this.warming) if (!wanted.has(name)) this.warming.delete(name);
    for (const name of this.ready) if (!wanted.has(name)) this.ready.delete(name);
    const view = this.views.get(typeUrls.endpoints);
    const added = [...wanted].filter((name) => !view?.names.has(name));
    const dropped = [...(view?.names ?? [])].filter((name) => !wanted.has(name));
    if (added.length > 0 || dropped.length > 0) this.want(typeUrls.endpoints, added, dropped);
  }
}
