import type { Collection, Graph, Source, Turn } from '@weft/collections';
import { type BackEnd, backEnd } from './envoy/back-end.ts';
import {
  type Composition,
  composed,
  compositionIn,
  compositionOf,
  compositionOfProxy,
  type Replaced,
  replacedIn,
} from './envoy/composition.ts';
import type { Contribution, SetAside } from './envoy/contribution.ts';
import { probeListener } from './envoy/listener-probe.ts';
import { type Resource, type Snapshot, type TypeUrl, typeUrls, type View, type ViewChange } from './envoy/resource.ts';
import { ProxyView } from './envoy/view.ts';
import { viewChanges } from './envoy/view-changes.ts';
import type { FactCollections } from './facts/fact-collections.ts';
import { failureProblem } from './failure-problem.ts';
import type { Mesh, ServiceId, WorkloadId } from './model/mesh.ts';
import type { Problem } from './model/problem.ts';
import type { Route } from './model/route.ts';
import { clockKey } from './translation/policies.ts';
import { type Translation, translate } from './translation/translate.ts';

/** A turn of the compiler. */
export interface Compiled {
  readonly turn: Turn;
  /** What it did to the views of connected proxies. */
  readonly changes: readonly ViewChange[];
  /** The routes made of contributions that it replaced. */
  readonly replaced: readonly Replaced[];
}

/**
 * The compiler: facts in, what each proxy should hold out, both as collections of one graph. A turn computes what depends on the facts
 * that changed, and nothing else. The result is that of the facts and the time alone, in whatever order they came.
 */
export class MeshCompiler {
  readonly #graph: Graph;
  readonly #clock: Source<number>;
  readonly #connected: Source<true>;
  readonly #setAside: Source<SetAside>;
  readonly #seenCalls: Source<readonly ServiceId[]>;
  readonly #translation: Translation;
  readonly #backEnd: BackEnd;

  /** `facts` and `frontEnds`: collections of `graph`; see `translate`. */
  constructor(graph: Graph, facts: FactCollections, frontEnds: readonly Collection<Route>[] = []) {
    this.#graph = graph;
    this.#clock = graph.source<number>('clock');
    this.#connected = graph.source<true>('connected');
    this.#setAside = graph.source<SetAside>('set aside', { same: Object.is });
    this.#translation = translate(graph, facts, this.#clock, frontEnds);
    this.#seenCalls = graph.source<readonly ServiceId[]>('seen calls');
    this.#backEnd = backEnd(graph, this.#translation, this.#connected, this.#seenCalls, this.#setAside);
  }

  /** Live: it shows each turn once it has ended. */
  get mesh(): Mesh {
    return this.#translation.mesh;
  }

  get translation(): Translation {
    return this.#translation;
  }

  /** What could not be computed because of a bug of ours; what was there before stays. */
  failures(): readonly Problem[] {
    const sources = { translation: this.#translation, backEnd: this.#backEnd };
    return this.#graph.failures().map((failure) => failureProblem(failure, sources));
  }

  /**
   * Runs `change`, which sets facts, and computes all that follows. `nowMs` (epoch milliseconds) decides which overrides hold, and
   * `Mesh.nextChangeMs` of the result says when a turn is due although no fact changes.
   */
  turn(change: () => void, nowMs: number): Compiled {
    const turn = this.#graph.turn(() => {
      this.#clock.set(clockKey, nowMs);
      change();
    });
    return { turn, changes: viewChanges(this.#backEnd, turn), replaced: replacedIn(this.#backEnd, turn) };
  }

  /** Makes what a proxy should hold, and keeps it up to date. Within a turn. */
  connect(id: WorkloadId): void {
    this.#connected.set(id, true);
  }

  /** Forgets what a proxy should hold. Within a turn. */
  disconnect(id: WorkloadId): void {
    this.#connected.delete(id);
  }

  /** The routes of this name that a connected proxy shares with others, and what they are made of; undefined: it has no such. */
  composition(id: WorkloadId, name: string): Composition | undefined {
    return compositionOf(this.#backEnd, id, name);
  }

  /** The same of whatever name. */
  compositionOfProxy(id: WorkloadId): Composition | undefined {
    return compositionOfProxy(this.#backEnd, id);
  }

  /** The same by its scope; undefined while none of its proxies is connected. */
  compositionIn(scope: string): Composition | undefined {
    return compositionIn(this.#backEnd, scope);
  }

  /** The connected proxies that share the routes of a scope. */
  proxiesIn(scope: string): readonly WorkloadId[] {
    // Proxies are by workload id.
    return this.#backEnd.proxies.byCalls.keysIn(scope) as readonly string[] as readonly WorkloadId[];
  }

  /** A listener that makes a proxy of the scope judge these contributions, and that no call sees; see `probeListener`. */
  probe(scope: string, contributions: readonly Contribution[], serial: number): Resource | undefined {
    const routes = composed(this.#translation, scope, contributions);
    return routes && probeListener(serial, routes);
  }

  /** What the proxies of a scope are not sent from now on; undefined: they are sent all. Within a turn. */
  setAside(scope: string, what: SetAside | undefined): void {
    if (what === undefined || what.size === 0) this.#setAside.delete(scope);
    else this.#setAside.set(scope, what);
  }

  /** What a connected proxy may call depends on this key, which it shares with its like; undefined: it calls nobody. */
  callsKey(id: WorkloadId): string | undefined {
    return this.#backEnd.proxies.proxies.get(id)?.calls || undefined;
  }

  /**
   * Says whom the applications behind proxies with a `callsKey` were seen to call, so that these proxies are told of them. Who may not
   * be called is left out all the same. Within a turn.
   */
  setSeenCalls(key: string, services: Iterable<ServiceId>): void {
    const sorted = [...services].sort();
    if (sorted.length > 0) this.#seenCalls.set(key, sorted);
    else this.#seenCalls.delete(key);
  }

  /** What a connected proxy should hold, without secrets; undefined: it is not connected, or no workload. */
  view(id: WorkloadId): View | undefined {
    return this.#backEnd.proxies.proxies.has(id) ? new ProxyView(this.#backEnd, id) : undefined;
  }

  /** The same as a copy that does not change. */
  snapshot(id: WorkloadId): Snapshot | undefined {
    const view = this.view(id);
    return view && snapshotOf(view);
  }
}

const compiledTypes = [typeUrls.cluster, typeUrls.endpoints, typeUrls.listener, typeUrls.route];

/** All that a view holds now, by type and name, in the order of the names. */
export function snapshotOf(view: View): Snapshot {
  const snapshot = new Map<TypeUrl, ReadonlyMap<string, Resource>>();
  for (const typeUrl of compiledTypes) {
    const part = new Map<string, Resource>();
    for (const name of [...view.names(typeUrl)].sort()) {
      const resource = view.get(typeUrl, name);
      if (resource !== undefined) part.set(name, resource);
    }
    snapshot.set(typeUrl, part);
  }
  return snapshot;
}
