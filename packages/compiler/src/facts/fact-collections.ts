import type { Collection, Graph, Source } from '@weft/collections';
import type { ExternalService } from '../model/external-service.ts';
import type { MeshSettings } from '../model/mesh.ts';
import type { Problem } from '../model/problem.ts';
import { refKey } from '../model/resource-ref.ts';
import type { Workload } from '../model/workload.ts';
import { defaultSettings } from './default-settings.ts';
import type { ContractFact, Facts, GatewayFact, Resource, ServiceFact } from './facts.ts';

/** What is out there, as collections: what a source tells, and all that the compiler needs. */
export interface FactCollections {
  /** Under the one key `settingsKey`; absent: `defaultSettings` hold. */
  readonly settings: Collection<MeshSettings>;
  /** By "namespace/name". */
  readonly services: Collection<ServiceFact>;
  /** By id. */
  readonly workloads: Collection<Workload>;
  /** By "namespace/hash". */
  readonly contracts: Collection<ContractFact>;
  /** By name. */
  readonly gateways: Collection<GatewayFact>;
  /** By id. */
  readonly externalServices: Collection<ExternalService>;
  /** MeshPolicies, MeshOverrides and resources of later front ends, by `resourceKey`. */
  readonly resources: Collection<Resource>;
  /** What could not be read, by where it was read. */
  readonly problems: Collection<readonly Problem[]>;
}

/** The key of the settings in `FactCollections.settings`. */
export const settingsKey = 'mesh';

/** The key of a service in `FactCollections.services`. */
export function serviceKey({ namespace, name }: Pick<ServiceFact, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`;
}

/** The key of a contract in `FactCollections.contracts`. */
export function contractFactKey({ namespace, hash }: Pick<ContractFact, 'namespace' | 'hash'>): string {
  return `${namespace}/${hash}`;
}

/** The key of a resource in `FactCollections.resources`: its reference, with the namespace "default" where it names none. */
export function resourceKey({
  apiVersion,
  kind,
  metadata,
}: Pick<Resource, 'apiVersion' | 'kind' | 'metadata'>): string {
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  return refKey({ group, kind, namespace: metadata.namespace ?? 'default', name: metadata.name });
}

/** `FactCollections` that are set by hand. */
export type FactSources = { readonly [C in keyof FactCollections]: Source<FactOf<C>> };

/** What a collection of facts holds. */
export type FactOf<C extends keyof FactCollections> = FactCollections[C] extends Collection<infer F> ? F : never;

/** Plain sources of a graph, filled from whole `Facts`: for tests, history and diff. */
export function factSources(graph: Graph): {
  readonly facts: FactSources;
  /** Makes these facts all that there is. Within a turn. */
  replace(facts: Facts): void;
} {
  const settings = graph.source<MeshSettings>('settings');
  const services = graph.source<ServiceFact>('services');
  const workloads = graph.source<Workload>('workloads');
  const contracts = graph.source<ContractFact>('contracts');
  const gateways = graph.source<GatewayFact>('gateways');
  const externalServices = graph.source<ExternalService>('external services');
  const resources = graph.source<Resource>('resources');
  const problems = graph.source<readonly Problem[]>('problems');
  return {
    facts: { settings, services, workloads, contracts, gateways, externalServices, resources, problems },
    replace(facts) {
      settings.set(settingsKey, facts.settings);
      replaceBy(services, facts.services, serviceKey);
      replaceBy(workloads, facts.workloads, ({ id }) => id);
      replaceBy(contracts, facts.contracts, contractFactKey);
      replaceBy(gateways, facts.gateways, ({ name }) => name);
      replaceBy(externalServices, facts.externalServices, ({ id }) => id);
      replaceBy(resources, facts.resources, resourceKey);
      problems.replace(Map.groupBy(facts.problems, ({ resource }) => resource));
    },
  };
}

/** The facts of now as a whole, each list in the order of its keys: for history, pin and diff. */
export function wholeFacts(facts: FactCollections): Facts {
  return {
    settings: facts.settings.get(settingsKey) ?? defaultSettings,
    services: facts.services.values(),
    workloads: facts.workloads.values(),
    contracts: facts.contracts.values(),
    gateways: facts.gateways.values(),
    externalServices: facts.externalServices.values(),
    resources: facts.resources.values(),
    problems: facts.problems.values().flat(),
  };
}

/** Of two with one key the first counts. */
function replaceBy<V>(source: Source<V>, values: readonly V[], keyOf: (value: V) => string): void {
  const byKey = new Map<string, V>();
  for (const value of values) if (!byKey.has(keyOf(value))) byKey.set(keyOf(value), value);
  source.replace(byKey);
}
