import { fromBinary } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt';
import { Graph, type Source } from '@weft/collections';
import { RouteConfigurationSchema } from '@weft/envoy-api/envoy/config/route/v3/route';
import type { Route as EnvoyRoute } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { Exposure } from '@weft/policy/weft/policy/v1/policy';
import { contractHash } from '../contracts/contract-hash.ts';
import { typeUrls } from '../envoy/resource.ts';
import { factSources } from '../facts/fact-collections.ts';
import { MeshCompiler } from '../mesh-compiler.ts';
import { parseDirectory } from '../mesh-directory/parse-directory.ts';
import type { ServiceId, WorkloadId } from '../model/mesh.ts';
import { weftRef } from '../model/resource-ref.ts';
import type { Route, RouteParent, Rule } from '../model/route.ts';
import { MeshDirectory } from './mesh-directory.ts';
import { tinyContract, tinyPath } from './tiny-contract.ts';

export const [get, put] = [tinyPath('bakery.a', 'Get'), tinyPath('bakery.a', 'Put')];
export const safe = { level: Level.NO_SIDE_EFFECTS };
const open = { callers: ['bakery.b'], exposure: Exposure.EDGE };
export const contracts = {
  a: tinyContract('bakery.a', { Get: safe, Put: {} }, open),
  next: tinyContract('bakery.a', { Get: safe, Put: {}, New: {} }, open),
  retried: tinyContract('bakery.a', { Get: { ...safe, policy: { retry: {} } }, Put: {} }, open),
  closed: tinyContract('bakery.a', { Get: safe, Put: {} }, { callers: ['bakery.c'] }),
  b: tinyContract('bakery.b', { Call: {} }, { calls: ['bakery.a'] }),
};

/** bakery/a and bakery/next, which bakery.b and the edge may call; bakery/closed, which they may not; and bakery/b. bakery/retried is as bakery/a, and its Get is retried. For tests of routes. `spec`: of the MeshConfig. */
export function mesh(spec: object = {}): MeshDirectory {
  const directory = new MeshDirectory(spec);
  for (const [name, contract] of Object.entries(contracts)) {
    const at = { inbound: '127.0.0.1:1001', application: 'unix:/run/a', outbound: '127.0.0.1:1002' };
    directory.contract('bakery', name, contract).service(name);
    directory.replica(`${name}-0`, { ...at, contract: contractHash(contract) });
  }
  return directory.edge('127.0.0.1:8080');
}

/** A compiler of a mesh with hand-filled routes, with every proxy connected. */
export class Routed {
  readonly compiler: MeshCompiler;
  readonly routes: Source<Route>;
  constructor(routes: readonly Route[], directory = mesh()) {
    const graph = new Graph();
    const sources = factSources(graph);
    this.routes = graph.source<Route>('hand-filled routes');
    this.compiler = new MeshCompiler(graph, sources.facts, [this.routes]);
    const facts = parseDirectory(directory.files);
    this.compiler.turn(() => {
      sources.replace(facts);
      this.routes.replace(routes.map((route, at) => [`test ${at}`, route]));
      for (const { id } of facts.workloads) this.compiler.connect(id);
    }, 0);
  }

  body(typeUrl: keyof typeof typeUrls, name: string, id: WorkloadId = 'bakery/b-0'): Uint8Array {
    const found = this.compiler.snapshot(id)?.get(typeUrls[typeUrl])?.get(name)?.body;
    if (found === undefined) throw new Error(`${id} has no ${typeUrl} ${name}`);
    return found;
  }

  hosts(name = 'outbound', id: WorkloadId = 'bakery/b-0') {
    return fromBinary(RouteConfigurationSchema, this.body('route', name, id)).virtualHosts;
  }

  /** What Envoy does with the calls of bakery.b to a path of bakery/a, in order. */
  calls(path: string): EnvoyRoute[] {
    const host = this.hosts().find(({ name }) => name === 'bakery/a');
    return host?.routes.filter(({ name }) => name === path) ?? [];
  }
}

export const toA = { service: 'bakery/a' as ServiceId, port: 80 };
export const portOfA: RouteParent = toA;
export const toNext = { ...toA, service: 'bakery/next' as ServiceId };

/** A route of which each rule has what it does not say: all calls go to bakery/a. */
export function route(rules: readonly Partial<Rule>[], parent: RouteParent = portOfA, hostnames: string[] = []): Route {
  const complete = rules.map((rule) => ({ matches: [], filters: [], backends: [{ ...toA, weight: 1 }], ...rule }));
  return { parent, hostnames, rules: complete, origin: { is: 'resource', ref: weftRef('Test', 'route', 'bakery') } };
}

/** Status and words of the proxy's own answer. */
export function answerOf({ action }: EnvoyRoute) {
  if (action.case !== 'directResponse') return undefined;
  return [action.value.status, action.value.body?.specifier.value];
}

/** What is done to calls that go somewhere. */
export function actionOf({ action }: EnvoyRoute) {
  if (action.case !== 'route') throw new Error(`no route but ${action.case}`);
  return action.value;
}

/** Where they go, with weights. */
export function clustersOf(found: EnvoyRoute): readonly (readonly [string, number])[] {
  const { clusterSpecifier } = actionOf(found);
  if (clusterSpecifier.case === 'cluster') return [[clusterSpecifier.value, 1]];
  if (clusterSpecifier.case !== 'weightedClusters') return [];
  return clusterSpecifier.value.clusters.map(({ name, weight = 0 }) => [name, weight]);
}
