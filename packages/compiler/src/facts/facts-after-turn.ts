import type { Collection, Turn } from '@weft/collections';
import { type FactCollections, wholeFacts } from './fact-collections.ts';
import type { Facts } from './facts.ts';

/** Whole facts after each turn of a graph; the lists of collections that did not change are the same lists. */
export class FactsAfterTurn {
  readonly #collections: FactCollections;
  #last: Facts | undefined;

  constructor(collections: FactCollections) {
    this.#collections = collections;
  }

  /** The facts after a turn; the same as before when it changed none. */
  take(turn: Turn): Facts {
    const { settings, services, workloads, contracts, gateways, externalServices, resources, problems } =
      this.#collections;
    const same = (collection: Collection<unknown>) => turn.changed(collection).size === 0;
    const last = this.#last;
    const all = [settings, services, workloads, contracts, gateways, externalServices, resources, problems];
    if (last && all.every(same)) return last;
    const now = wholeFacts(this.#collections);
    this.#last = last
      ? {
          settings: same(settings) ? last.settings : now.settings,
          services: same(services) ? last.services : now.services,
          workloads: same(workloads) ? last.workloads : now.workloads,
          contracts: same(contracts) ? last.contracts : now.contracts,
          gateways: same(gateways) ? last.gateways : now.gateways,
          externalServices: same(externalServices) ? last.externalServices : now.externalServices,
          resources: same(resources) ? last.resources : now.resources,
          problems: same(problems) ? last.problems : now.problems,
        }
      : now;
    return this.#last;
  }
}
