import type { Collection, Graph, Read } from '@weft/collections';
import { defaultSettings } from '../facts/default-settings.ts';
import { type FactCollections, settingsKey } from '../facts/fact-collections.ts';
import { CollectionLookups } from '../model/collection-lookups.ts';
import { LiveMap } from '../model/live-map.ts';
import type { Mesh } from '../model/mesh.ts';
import type { Override } from '../model/override.ts';
import type { Problem } from '../model/problem.ts';
import type { ResourceRef } from '../model/resource-ref.ts';
import type { Route } from '../model/route.ts';
import { type ContractVersions, contractVersions, some } from './contract-versions.ts';
import { type Exposure, meshExposure } from './exposure.ts';
import { type Gateways, meshGateways } from './gateways.ts';
import { type Identities, meshIdentities } from './identities.ts';
import { lookAlikes } from './look-alikes.ts';
import { type Members, serviceMembers } from './members.ts';
import { mirrorProblems } from './mirrors.ts';
import type { Claims } from './path-claims.ts';
import { meshPolicies, noService, overrideOutcome, type Policies } from './policies.ts';
import { meshRoutes, type Routes } from './routes.ts';
import { meshServices, type Services } from './services.ts';
import { meshWorkloads, type Workloads } from './workloads.ts';

/** The mesh as collections, and as the rest of the house reads it. */
export interface Translation {
  readonly facts: FactCollections;
  readonly contracts: ContractVersions;
  readonly members: Members;
  readonly workloads: Workloads;
  readonly policies: Policies;
  readonly services: Services;
  readonly identities: Identities;
  readonly gateways: Gateways;
  readonly exposure: Exposure;
  readonly routes: Routes;
  /** By id. */
  readonly overrides: Collection<Override>;
  /** Live: it shows each turn once it has ended. */
  readonly mesh: Mesh;
  /** By collection: what was not understood. */
  readonly problems: readonly Collection<readonly Problem[]>[];
}

export interface TranslateOptions {
  /** The routes that each front end understood, by keys that no other uses. Default: none. */
  readonly frontEnds?: readonly Collection<Route>[];
  /** Who had a path first, by "edge\nbakery/orders". Default: nobody knows. */
  readonly claims?: Collection<Claims>;
}

/**
 * Makes the mesh out of what is out there. What is not understood is among the problems and stops nothing else. Pure: the same facts at
 * the same time give the same mesh, in whatever order they came. `clock`: epoch milliseconds under `clockKey`; it decides which
 * overrides hold, and `Mesh.nextChangeMs` says when it should be set again. Without it none has ended and none may loosen.
 */
export function translate(
  graph: Graph,
  facts: FactCollections,
  clock: Collection<number>,
  { frontEnds = [], claims = graph.source<Claims>('claims of nobody') }: TranslateOptions = {},
): Translation {
  const contracts = contractVersions(graph, facts);
  const members = serviceMembers(graph, facts);
  const workloads = meshWorkloads(graph, facts, contracts, members);
  const policies = meshPolicies(graph, facts, clock);
  const services = meshServices(graph, facts, contracts, members, workloads, policies);
  const identities = meshIdentities(graph, services, workloads);
  const gateways = meshGateways(graph, facts, workloads);
  const exposure = meshExposure(graph, facts, services, claims);
  const routes = meshRoutes(graph, facts, services, exposure, frontEnds);
  const alike = lookAlikes(graph, facts, members, services);
  const { laid } = services;
  const ofNamespace = facts.services.index('namespace of Service', ({ namespace }) => [namespace]);
  const near = ({ namespace }: ResourceRef, read: Read) => read.keys(ofNamespace, namespace);
  const overrides = graph.deriveMany('overrides', policies.overrides, (now, read) => {
    const { ref, service, id } = now.override;
    return [[id, overrideOutcome(now, read.get(laid, service), () => near(ref, read))] as const];
  });
  const [foreignContracts, foreignGateways] = workloads.problems;
  const problems = [
    facts.problems,
    contracts.problems,
    ...(foreignContracts ? [foreignContracts] : []),
    ...services.problems,
    ...alike,
    policies.problems,
    graph.derive('problems of policies', laid, (one) => some(one.problems)),
    graph.derive('policies of nothing', policies.policies, (policy, read) =>
      read.get(laid, policy.service) ? undefined : [noService(policy, near(policy.ref, read))],
    ),
    graph.derive('overrides of nothing', policies.overrides, ({ override, ended }, read) =>
      ended || read.get(laid, override.service) ? undefined : [noService(override, near(override.ref, read))],
    ),
    identities.problems,
    ...(foreignGateways ? [foreignGateways] : []),
    ...gateways.problems,
    ...exposure.problems,
    routes.problems,
    mirrorProblems(graph, services),
  ];
  const mesh: Mesh = {
    get settings() {
      return facts.settings.get(settingsKey) ?? defaultSettings;
    },
    services: new LiveMap(services.services),
    workloads: new LiveMap(workloads.workloads),
    gateways: new LiveMap(gateways.gateways),
    routes: new LiveMap(routes.given),
    get externalServices() {
      return facts.externalServices.values();
    },
    contracts: new LiveMap(contracts.versions),
    identities: new LiveMap(identities.identities),
    sharedIdentities: new LiveMap(identities.shared),
    get overrides() {
      return overrides.values();
    },
    get nextChangeMs() {
      return nextChangeMs(policies);
    },
    get problems() {
      return problems.flatMap((found) => found.values().flat());
    },
    lookups: new CollectionLookups({
      services: services.services,
      workloads: workloads.workloads,
      identities: identities.identities,
    }),
  };
  return {
    facts,
    contracts,
    members,
    workloads,
    policies,
    services,
    identities,
    gateways,
    exposure,
    routes,
    overrides,
    mesh,
    problems,
  };
}

function nextChangeMs({ overrides }: Policies): number | undefined {
  const ends = overrides.values().flatMap(({ untilMs, ended }) => (untilMs === undefined || ended ? [] : untilMs));
  return ends.length > 0 ? Math.min(...ends) : undefined;
}
