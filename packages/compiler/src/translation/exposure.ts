import type { Collection, Graph } from '@weft/collections';
import { maxProblems } from '../contracts/read-contract.ts';
import { defaultSettings } from '../facts/default-settings.ts';
import { type FactCollections, settingsKey } from '../facts/fact-collections.ts';
import { parseHttpTemplate, templateShape } from '../model/http-template.ts';
import type { ServiceId } from '../model/mesh.ts';
import { type HttpBinding, type Method, singleRequest } from '../model/method.ts';
import { idOf, partsOfId } from '../model/names.ts';
import type { Problem } from '../model/problem.ts';
import { stepsOf, stepsOfPath, type TemplateStep } from '../model/template-overlap.ts';
import { some } from './contract-versions.ts';
import { ExposureRows, type Grants } from './exposure-rows.ts';
import type { Claimant, Claims } from './path-claims.ts';
import { judgePaths } from './path-judge.ts';
import { exposureProblem, pathProblem } from './path-problems.ts';
import { type CostlyPath, pathsOverBudget } from './rest-budget.ts';
import type { Services } from './services.ts';

/** A path of a service at a gateway: a REST binding of a method, or the method's own gRPC path. */
export interface ExposedPath {
  /** "GET /v1/orders/*": the same for the same paths, whatever their variables are called. */
  readonly key: string;
  readonly service: ServiceId;
  readonly namespace: string;
  /** The method that answers. */
  readonly method: string;
  /** "*": any. */
  readonly verb: string;
  readonly template: string;
  /** Absent: a gRPC path, which is itself and nothing else. */
  readonly steps?: readonly TemplateStep[];
  /** Of a method with a contract: what shares routes at the gateway, and the bytes that each of them holds. */
  readonly rest?: { readonly group: string; readonly bytes: number };
}

/** A service that a gateway may call. */
export interface Exposed extends Claimant {
  readonly gateway: string;
  readonly service: ServiceId;
  readonly exposed: readonly ExposedPath[];
}

/** What becomes of a service's paths at a gateway. */
export interface Verdict {
  /** Host names that its methods have; `anyHost`: all but `foreignHosts`. */
  readonly hosts: readonly string[];
  readonly foreignHosts: readonly string[];
  /** Host names of each of its REST paths, by `pathKey`; what is not in it is not served. */
  readonly rest: ReadonlyMap<string, readonly string[]>;
  /** gRPC paths that are another's. */
  readonly closed: ReadonlySet<string>;
}

/** What is exposed where. Keys are "edge\nbakery/orders". */
export interface Exposure {
  readonly exposed: Collection<Exposed>;
  readonly verdicts: Collection<Verdict>;
  readonly problems: readonly Collection<readonly Problem[]>[];
}

/** A path that is not served under some host name, and why. */
export interface RefusedPath {
  readonly path: ExposedPath;
  /** Who has it. Absent: no row gives it to the namespace. */
  readonly by?: ExposedPath;
  /** Both came at once, so that neither has it. */
  readonly both?: boolean;
  /** What it would cost the gateway, and the bound. */
  readonly cost?: string;
  readonly host: string;
}

/**
 * Decides whose a path at a gateway is. Rows of the MeshConfig come first. Of two namespaces to which they give the same, that whose
 * service had it first has it, and when nobody knows which, neither. `claims`: what `PathClaims` remembers.
 */
export function meshExposure(
  graph: Graph,
  facts: FactCollections,
  { laid, merged, byCaller, services }: Pick<Services, 'laid' | 'merged' | 'byCaller' | 'services'>,
  claims: Collection<Claims>,
): Exposure {
  const callers = graph.deriveMany('services at gateways', facts.gateways, ({ name: gateway }, read) =>
    read.keys(byCaller, gateway).map((id) => [`${gateway}\n${id}`, { gateway, service: idOf(id) }] as const),
  );
  const exposed = graph.derive('paths at gateways', callers, ({ gateway, service }, read): Exposed => {
    const methods = read.get(merged, service)?.methods ?? new Map<string, Method>();
    const versions = new Map(read.get(laid, service)?.versions.map((version) => [version.hash, version]));
    const paths = [...methods.values()].flatMap((method) => {
      const bytes = versions.get(method.versions[0] ?? '')?.descriptorSet.length ?? 0;
      return pathsOf(service, method, gateway, bytes);
    });
    return { gateway, service, exposed: paths, paths: [...new Set(paths.map(({ key }) => key))].sort() };
  });
  const byGateway = exposed.index('gateway', ({ gateway }) => [gateway]);
  const judged = graph.group('judged paths', byGateway, (gateway, read) => {
    const rows = new ExposureRows(read.get(facts.settings, settingsKey) ?? defaultSettings, gateway);
    const keys = read.keys(byGateway, gateway);
    const since = new Map(
      keys.flatMap((key) => {
        const own = read.get(claims, key);
        return own === undefined ? [] : [[idOf(key.slice(gateway.length + 1)), own] as const];
      }),
    );
    const paths = keys.flatMap((key) => read.get(exposed, key)?.exposed ?? []);
    const grants = new Map<ExposedPath, Grants>(paths.map((path) => [path, grantsOf(path, rows)]));
    const sinceMs = (path: ExposedPath) => since.get(path.service)?.[path.key];
    const refused = judgePaths(grants, sinceMs);
    const { gatewayBytes } = (read.get(facts.settings, settingsKey) ?? defaultSettings).quotas;
    return { refused: [...refused, ...costlyPaths(grants, refused, sinceMs, gatewayBytes)] };
  });
  const verdicts = graph.derive('verdicts on paths', exposed, ({ gateway, service, exposed: paths }, read): Verdict => {
    const rows = new ExposureRows(read.get(facts.settings, settingsKey) ?? defaultSettings, gateway);
    const refused = (read.get(judged, gateway)?.refused ?? []).filter(({ path }) => path.service === service);
    const { namespace } = partsOfId(service);
    const closed = new Set(refused.filter(({ path }) => path.steps === undefined).map(({ path }) => path.method));
    const rest = new Map<string, readonly string[]>();
    for (const path of paths) {
      // REST goes where the gRPC path does, which would be to somebody else.
      if (path.steps === undefined || closed.has(path.method)) continue;
      const not = refused.filter((one) => one.path.key === path.key && one.path.method === path.method);
      const hosts = [...grantsOf(path, rows).keys()].filter((host) => !not.some((one) => one.host === host));
      if (hosts.length > 0) rest.set(pathKey(path.method, path), hosts.sort());
    }
    return {
      hosts: rows.hosts(namespace),
      foreignHosts: rows.foreignHosts(namespace),
      rest,
      closed,
    };
  });
  const problems = graph.derive('problems of paths', exposed, ({ gateway, service }, read) => {
    const rows = new ExposureRows(read.get(facts.settings, settingsKey) ?? defaultSettings, gateway);
    const refused = (read.get(judged, gateway)?.refused ?? []).filter(({ path }) => path.service === service);
    const told = new Map(refused.map((one) => [`${one.path.method} ${one.path.key}`, one]));
    const first = [...told.values()].slice(0, maxProblems);
    return some(first.map((one) => pathProblem(one, gateway, rows, (id) => read.get(services, id))));
  });
  const closed = graph.derive('exposure without a row', merged, ({ unexposed }, read, id) => {
    const settings = read.get(facts.settings, settingsKey) ?? defaultSettings;
    return some(unexposed.map((gateway) => exposureProblem(idOf(id), gateway, new ExposureRows(settings, gateway))));
  });
  return { exposed, verdicts, problems: [problems, closed] };
}

/** The key of a REST path in `Verdict.rest`. */
export function pathKey(method: string, { verb, template }: Pick<HttpBinding, 'verb' | 'template'>): string {
  return `${method} ${verb} ${templateShape(template)}`;
}

/** The path of a method without a contract, as it stands in `Verdict.rest`. */
export function methodPath({ path }: Pick<Method, 'path'>): Pick<HttpBinding, 'verb' | 'template'> {
  return { verb: '*', template: path };
}

function pathsOf(service: ServiceId, method: Method, gateway: string, bytes: number): ExposedPath[] {
  const { path, http, grpcService, callers, denied } = method;
  if (!(callers.has(gateway) || denied?.has(gateway))) return [];
  const common = { service, namespace: partsOfId(service).namespace, method: path };
  if (grpcService === '') {
    return [{ ...common, ...methodPath(method), key: `* ${path}`, steps: stepsOfPath(path) }];
  }
  const rest = http.flatMap(({ verb, template }): ExposedPath[] => {
    const parsed = parseHttpTemplate(template);
    const key = `${verb} ${templateShape(template)}`;
    const group = `${service} ${method.versions[0]} ${singleRequest(method)}`;
    return parsed === undefined
      ? []
      : [{ ...common, key, verb, template, steps: stepsOf(parsed), rest: { group, bytes } }];
  });
  return [{ ...common, key: `POST ${path}`, verb: 'POST', template: path }, ...rest];
}

/** Paths that are served to nobody else, and are too much for the gateway. */
function costlyPaths(
  grants: ReadonlyMap<ExposedPath, Grants>,
  refused: readonly RefusedPath[],
  sinceMs: (path: ExposedPath) => number | undefined,
  maxBytes: number,
): RefusedPath[] {
  const gone = Map.groupBy(refused, ({ path }) => path);
  const byPlace = new Map<
    string,
    { readonly host: string; readonly paths: Map<string, CostlyPath & { path: ExposedPath }> }
  >();
  for (const [path, hosts] of grants) {
    const { rest, steps, verb } = path;
    if (rest === undefined || steps === undefined) continue;
    for (const host of hosts.keys()) {
      if (gone.get(path)?.some((one) => one.host === host)) continue;
      const place = byPlace.get(`${path.namespace} ${host}`) ?? { host, paths: new Map() };
      byPlace.set(`${path.namespace} ${host}`, place);
      // Two Services of the same replicas have the same paths, and a gateway takes one of each.
      const key = `${path.method} ${path.key}`;
      if (!place.paths.has(key)) {
        place.paths.set(key, { ...rest, path, verb, steps, sinceMs: sinceMs(path) ?? Number.POSITIVE_INFINITY });
      }
    }
  }
  return [...byPlace.values()].flatMap(({ host, paths }) =>
    [...pathsOverBudget([...paths.values()], maxBytes)].map(([{ path }, cost]) => ({ path, host, cost })),
  );
}

function grantsOf({ namespace, steps }: ExposedPath, rows: ExposureRows): Grants {
  return steps ? rows.grants(namespace, steps) : new Map(rows.hosts(namespace).map((host) => [host, 0]));
}
