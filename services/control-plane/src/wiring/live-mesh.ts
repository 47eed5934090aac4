import { Graph } from '@weft/collections';
import { type FactCollections, wholeFacts } from '@weft/compiler/facts/fact-collections';
import type { Facts } from '@weft/compiler/facts/facts';
import { MeshCompiler } from '@weft/compiler/mesh-compiler';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { Problem } from '@weft/compiler/model/problem';
import type { PathClaims } from '@weft/compiler/translation/path-claims';
import type { Environment } from '../environment/environment.ts';
import type { Pin } from '../history/pin.ts';
import { pinFacts, pinKey } from '../history/pin-facts.ts';
import type { WorkloadIdentities } from '../identity/workload-identities.ts';
import type { AsideStore } from '../quarantine/aside-store.ts';
import type { QuarantineLimits } from '../quarantine/limits.ts';
import { Quarantine } from '../quarantine/quarantine.ts';
import { FirstCalls } from '../refusals/first-calls.ts';
import type { OtherReplicas } from '../replicas/other-replicas.ts';
import { nackSource } from '../status/nack-source.ts';
import { Views } from '../views.ts';
import { createDelivery, type Delivery } from '../xds/delivery.ts';
import type { XdsLogger } from '../xds/delivery-events.ts';
import { MeshTurns, type TurnLog } from './mesh-turns.ts';

/** The mesh as this process follows, compiles and delivers it. */
export interface LiveMesh {
  readonly turns: MeshTurns;
  readonly views: Views;
  readonly delivery: Delivery;
  readonly quarantine: Quarantine;
  readonly firstCalls: FirstCalls;
  /** Who had a path at a gateway first. */
  readonly claims: PathClaims;
  /** All facts of now, held at the pin. Costs what the mesh does. */
  wholeFacts(): Facts;
  /** Holds the facts at a pin, or at none. Within a turn. */
  hold(pin: Pin | undefined): void;
}

/** Makes the collections of an environment's facts and of all that follows from them. Nothing moves before the first turn. */
export function liveMesh(options: {
  readonly environment: Pick<Environment, 'facts'>;
  readonly identities: WorkloadIdentities;
  readonly log: TurnLog & XdsLogger;
  /** Told of each stream that ends because its proxy went over a budget. */
  readonly onExceeded: (workload: WorkloadId, message: string) => void;
  /** Takes the problems of what proxies refused. */
  readonly onRefused: (problems: readonly Problem[]) => void;
  /** Keeps over a restart what is set aside. */
  readonly asides?: AsideStore;
  /** Tells other replicas of first calls. Absent: there are none. */
  readonly otherReplicas?: Pick<OtherReplicas, 'tell'>;
  /** What a search for refused contributions may cost. */
  readonly limits?: Partial<QuarantineLimits>;
  /** Default: a new one. */
  readonly graph?: Graph;
}): LiveMesh {
  const {
    environment,
    identities,
    log,
    onExceeded,
    onRefused,
    asides,
    otherReplicas,
    limits = {},
    graph = new Graph(),
  } = options;
  const pins = graph.source<Pin>('pin', { same: Object.is });
  const facts: FactCollections = pinFacts(graph, environment.facts(graph), pins);
  const compiler = new MeshCompiler(graph, facts);
  const turns = new MeshTurns({
    compiler,
    facts,
    identities,
    log,
    onReplaced: (replaced) => quarantine.replaced(replaced),
  });
  const views = new Views({ compiler, identities, turn: (change) => turns.connect(change) });
  const delivery = createDelivery({ views, log, onExceeded });
  const quarantine = new Quarantine({
    compiler,
    delivery,
    turn: (change) => turns.connect(change),
    show: (proxy, listener) => views.probe(proxy, listener),
    source: (names) => (turns.mesh ? nackSource(turns.mesh, names) : names.join(', ')),
    report: onRefused,
    log,
    limits,
    ...(asides ? { store: asides } : {}),
  });
  const firstCalls = new FirstCalls({
    callsKey: (id) => compiler.callsKey(id),
    tell(seen) {
      turns.connect(() => {
        for (const [key, services] of seen) compiler.setSeenCalls(key, services);
      });
    },
    view: (id) => views.view(id),
    delivery,
    isService: (id) => turns.mesh?.services.has(id) ?? false,
    ...(otherReplicas ? { tellOthers: (call) => otherReplicas.tell(call) } : {}),
  });
  return {
    turns,
    views,
    delivery,
    quarantine,
    firstCalls,
    claims: compiler.claims,
    wholeFacts: () => wholeFacts(facts),
    hold(pin) {
      if (pin === undefined) pins.delete(pinKey);
      else pins.set(pinKey, pin);
    },
  };
}
