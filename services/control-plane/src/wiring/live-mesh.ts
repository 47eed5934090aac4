import { Graph } from '@weft/collections';
import { type FactCollections, wholeFacts } from '@weft/compiler/facts/fact-collections';
import type { Facts } from '@weft/compiler/facts/facts';
import { MeshCompiler } from '@weft/compiler/mesh-compiler';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { Environment } from '../environment/environment.ts';
import type { Pin } from '../history/pin.ts';
import { pinFacts, pinKey } from '../history/pin-facts.ts';
import type { WorkloadIdentities } from '../identity/workload-identities.ts';
import { Views } from '../views.ts';
import { createDelivery, type Delivery } from '../xds/delivery.ts';
import type { XdsLogger } from '../xds/delivery-events.ts';
import { MeshTurns, type TurnLog } from './mesh-turns.ts';

/** The mesh as this process follows, compiles and delivers it. */
export interface LiveMesh {
  readonly turns: MeshTurns;
  readonly views: Views;
  readonly delivery: Delivery;
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
}): LiveMesh {
  const { environment, identities, log, onExceeded } = options;
  const graph = new Graph();
  const pins = graph.source<Pin>('pin', { same: Object.is });
  const facts: FactCollections = pinFacts(graph, environment.facts(graph), pins);
  const compiler = new MeshCompiler(graph, facts);
  const turns = new MeshTurns({ compiler, facts, identities, log });
  const views = new Views({ compiler, identities, turn: (change) => turns.connect(change) });
  return {
    turns,
    views,
    delivery: createDelivery({ views, log, onExceeded }),
    wholeFacts: () => wholeFacts(facts),
    hold(pin) {
      if (pin === undefined) pins.delete(pinKey);
      else pins.set(pinKey, pin);
    },
  };
}
