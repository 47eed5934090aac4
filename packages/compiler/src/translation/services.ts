import type { Collection, Graph, Index, Read } from '@weft/collections';
import { defaultRetryBudget } from '../contracts/service-policy.ts';
import { defaultSettings } from '../facts/default-settings.ts';
import { type FactCollections, settingsKey } from '../facts/fact-collections.ts';
import type { ServiceFact } from '../facts/facts.ts';
import { accessLogOf } from '../mesh-policy/apply-policy.ts';
import type { ContractVersion } from '../model/contract.ts';
import { suggesting } from '../model/did-you-mean.ts';
import type { KnownNames } from '../model/known-names.ts';
import type { ContractKey, LogicalName, MeshSettings, SpiffeId, WorkloadId } from '../model/mesh.ts';
import { callersOf, type Method } from '../model/method.ts';
import { edgeName, idOf, partsOfId } from '../model/names.ts';
import type { Problem } from '../model/problem.ts';
import { serviceRef } from '../model/resource-ref.ts';
import type { RetryBudget } from '../model/retry-budget.ts';
import type { Service } from '../model/service.ts';
import { isProxyPort, readyPort } from '../pod/ports.ts';
import { type ContractVersions, everyName, nameKey, some } from './contract-versions.ts';
import type { Members } from './members.ts';
import { mergeBudgets, mergeMethods } from './merge-versions.ts';
import { noContract } from './no-contract.ts';
import { type Laid, layPolicies, type Policies } from './policies.ts';
import { protocolOf, speaksGrpc } from './protocol.ts';
import type { Workloads } from './workloads.ts';

/** Services as the mesh sees them. */
export interface Services {
  readonly services: Collection<Service>;
  /** The contract versions of each Service with all that is laid over them. */
  readonly laid: Collection<Laid>;
  /** What callers see of each Service. */
  readonly merged: Collection<Merged>;
  /** Services by the logical names of those that their methods name. */
  readonly byCaller: Index<ReadonlySet<LogicalName>>;
  readonly problems: readonly Collection<readonly Problem[]>[];
}

/** What a Service's replicas have to say about it; not which of them are ready, as long as that changes nothing for callers. */
interface Replicas {
  readonly ids: readonly WorkloadId[];
  readonly identities: readonly SpiffeId[];
  /** The contracts that hold for them, sorted. */
  readonly contracts: readonly ContractKey[];
  /** Hashes of the versions that ready replicas run, sorted. */
  readonly readyHashes: readonly string[];
  /** Some of them are no pods. */
  readonly processes: boolean;
  /** Some of them say that they run a contract, understood or not. */
  readonly claimed: boolean;
}

/** The versions of a Service's contract, before anything is laid over them. */
interface Versions {
  readonly versions: readonly ContractVersion[];
  /** Of one logical name: that of the first. */
  readonly own: readonly ContractVersion[];
}

/** What callers see: the union of all versions with ready replicas. */
export interface Merged {
  /** Without those gateways among the callers at which the namespace may not be exposed. */
  readonly methods: Service['methods'];
  /** Gateways that the contract names, and at which the namespace may not be exposed. */
  readonly unexposed: readonly string[];
  readonly retryBudget: RetryBudget;
}

/** Puts replicas behind Services, and contracts and policies behind both. */
export function meshServices(
  graph: Graph,
  facts: FactCollections,
  contracts: ContractVersions,
  { members }: Members,
  { workloads, claims }: Workloads,
  { policiesOf, overridesOf }: Policies,
): Services {
  const replicas = graph.derive('replicas', members, (ids, read): Replicas => {
    const found = ids.flatMap((id) => read.get(workloads, id) ?? []);
    const running = found.flatMap(({ namespace, contractHash }): ContractKey[] =>
      contractHash === undefined ? [] : [`${namespace}/${contractHash}`],
    );
    const ready = found.flatMap(({ ready, contractHash }) => (ready && contractHash) || []);
    return {
      ids,
      identities: distinct(found.map(({ spiffeId }) => spiffeId)),
      contracts: distinct(running),
      readyHashes: distinct(ready),
      processes: found.some(({ pod }) => pod === undefined),
      claimed: ids.some((id) => read.get(claims, id) !== undefined),
    };
  });
  const versions = graph.derive('versions', facts.services, (fact, read, key): Versions => {
    const found = versionsOf(fact, read.get(replicas, key), contracts, read);
    return { versions: found, own: found.filter(({ logicalName }) => logicalName === found[0]?.logicalName) };
  });
  const laid = graph.derive('laid', versions, ({ own }, read, key): Laid => {
    const policies = read.values(policiesOf, key);
    const overrides = read.values(overridesOf, key);
    const base = own.length > 0 || policies.length === 0 ? own : [noContract(idOf(key))];
    return layPolicies(base, policies, overrides, knownNames(facts, contracts, read));
  });
  const merged = graph.derive('merged', laid, ({ versions }, read, key): Merged => {
    const running = new Set(read.get(replicas, key)?.readyHashes);
    const ready = versions.filter(({ hash }) => running.has(hash));
    // While no replica is ready, callers see what they would see, and are told that nobody answers rather than that they may not.
    const seen = ready.length > 0 ? ready : versions;
    const settings = read.get(facts.settings, settingsKey) ?? defaultSettings;
    const isGateway = (name: LogicalName) => name === edgeName || read.get(facts.gateways, name) !== undefined;
    return {
      ...admitted(mergeMethods(seen), partsOfId(idOf(key)).namespace, settings, isGateway),
      retryBudget: mergeBudgets(seen) ?? defaultRetryBudget,
    };
  });
  const services = graph.derive('services', facts.services, (fact, read, key): Service | undefined => {
    const own = read.get(replicas, key);
    const seen = read.get(merged, key);
    if (own === undefined || seen === undefined) return undefined;
    const laidOver = read.get(laid, key)?.versions ?? [];
    const [first] = read.get(versions, key)?.own ?? [];
    const isClaimed = speaksGrpc(fact.ports[0]?.appProtocol) && own.claimed;
    // A contract that is not understood must not open what it would have closed.
    const open = read.keys(policiesOf, key).length === 0 && !isClaimed;
    const service = makeService(fact, own, laidOver, seen, first?.logicalName, open);
    const accessLog = accessLogOf(read.values(policiesOf, key));
    return accessLog === undefined ? service : { ...service, accessLog };
  });
  const problems = graph.derive('service problems', facts.services, (fact, read, key) => {
    const { processes = false, ids = [] } = read.get(replicas, key) ?? {};
    return some([
      ...otherNames(fact, read.get(versions, key)?.versions ?? []),
      ...portsOfProcesses(fact, processes),
      ...(processes || ids.length === 0 ? [] : portsOfProxies(fact)),
    ]);
  });
  const callers = graph.derive('callers', merged, ({ methods }) => callersOf(methods));
  return { services, laid, merged, byCaller: callers.index('name', (names) => names), problems: [problems] };
}

/** The names that policies may mention, read where one does. */
function knownNames(facts: FactCollections, { byLogicalName, names }: ContractVersions, read: Read): KnownNames {
  return {
    has: (name) =>
      name === edgeName ||
      read.keys(byLogicalName, name).length > 0 ||
      read.get(facts.gateways, name) !== undefined ||
      (name.includes('/') && read.get(facts.services, name) !== undefined),
    suggest: (sentence, name) => suggesting(sentence, name, read.values(names, everyName)),
  };
}

/** The versions that a Service's replicas run. One without replicas is known by what its namespace publishes, so that calls wait for it. */
function versionsOf(
  fact: ServiceFact,
  replicas: Replicas | undefined,
  { versions, byName }: ContractVersions,
  read: Read,
): readonly ContractVersion[] {
  // A pod's metrics may have a Service of their own, which is not what its contract is about.
  if (!speaksGrpc(fact.ports[0]?.appProtocol)) return [];
  if (!replicas?.ids.length) return read.values(byName, nameKey(fact));
  const running = replicas.contracts.flatMap((key) => read.get(versions, key) ?? []);
  return running.sort((a, b) => (a.hash < b.hash ? -1 : 1));
}

function makeService(
  fact: ServiceFact,
  { ids, identities }: Replicas,
  versions: readonly ContractVersion[],
  { methods, retryBudget }: Merged,
  logicalName: LogicalName | undefined,
  open: boolean,
): Service {
  const { namespace, name, addresses, headless } = fact;
  const [main, ...otherPorts] = fact.ports;
  const host = `${name}.${namespace}`;
  return {
    id: `${namespace}/${name}`,
    namespace,
    name,
    hosts: [`${host}.svc.cluster.local`, `${host}.svc`, host],
    port: main?.port ?? 0,
    protocol: logicalName === undefined ? protocolOf(main?.appProtocol) : 'grpc',
    ungoverned: logicalName === undefined && open,
    otherPorts: otherPorts.map(({ port, appProtocol }) => ({ port, protocol: protocolOf(appProtocol) })),
    addresses,
    headless,
    ...(logicalName === undefined ? {} : { logicalName }),
    identities,
    versions: new Map(versions.map((version) => [version.hash, version])),
    methods,
    retryBudget,
    calls: distinct(versions.flatMap(({ calls }) => calls)),
    workloads: ids,
  };
}

/** Methods as gateways may call them: a contract alone exposes nothing where rows say who may be exposed. */
function admitted(
  methods: Service['methods'],
  namespace: string,
  settings: MeshSettings,
  isGateway: (name: LogicalName) => boolean,
): Pick<Merged, 'methods' | 'unexposed'> {
  const { exposure } = settings;
  if (exposure.length === 0) return { methods, unexposed: [] };
  const mayBe = new Set(exposure.flatMap((row) => (row.namespace === namespace ? row.gateway : [])));
  const not = [...callersOf(methods)].filter((name) => !mayBe.has(name) && isGateway(name)).sort();
  if (not.length === 0) return { methods, unexposed: [] };
  const without = (names: ReadonlySet<LogicalName>) => new Set([...names].filter((name) => !not.includes(name)));
  const left = [...methods].map(([path, method]): [string, Method] => [
    path,
    {
      ...method,
      callers: without(method.callers),
      ...(method.denied ? { denied: without(method.denied) } : {}),
    },
  ]);
  return { methods: new Map(left), unexposed: not };
}

function otherNames(
  { namespace, name, origin }: ServiceFact,
  [first, ...others]: readonly ContractVersion[],
): Problem[] {
  return others.flatMap((other) =>
    first === undefined || other.logicalName === first.logicalName
      ? []
      : {
          resource: origin,
          about: [serviceRef(`${namespace}/${name}`)],
          message: `Service ${namespace}/${name} has replicas of ${first.logicalName} and of ${other.logicalName}`,
          advice: `a selector that matches the replicas of one of them; ${first.logicalName} counts`,
        },
  );
}

function portsOfProcesses({ namespace, name, ports, origin }: ServiceFact, processes: boolean): Problem[] {
  if (ports.length < 2 || !processes) return [];
  return [
    {
      resource: origin,
      about: [serviceRef(`${namespace}/${name}`)],
      field: 'spec.ports',
      message: `Service ${namespace}/${name} has ${ports.length} ports, and replicas that are not pods; for those, only port ${ports[0]?.port} counts`,
      advice: 'one port, or one Service for each',
    },
  ];
}

/** Ports of pods that their proxies have for themselves. A Service for the proxies' metrics is none of the mesh's, and fine. */
function portsOfProxies({ namespace, name, ports, origin }: ServiceFact): Problem[] {
  const taken = ports.map(({ port, targetPort = port }) => targetPort);
  return taken
    .filter((port) => typeof port === 'number' && isProxyPort(port) && port !== readyPort)
    .map((port) => ({
      resource: origin,
      about: [serviceRef(`${namespace}/${name}`)],
      field: 'spec.ports',
      message: `Service ${namespace}/${name} leads to port ${port} of its pods, which their proxies reserve; it is left out`,
      advice: 'another targetPort',
    }));
}

function distinct<T extends string>(items: readonly T[]): T[] {
  return [...new Set(items)].sort();
}
