import { defaultRetryBudget } from '../contracts/service-policy.ts';
import type { Facts, ServiceFact } from '../facts/facts.ts';
import { memoize } from '../memoize.ts';
import type { PolicyLayer } from '../mesh-policy/policy-layer.ts';
import type { ContractVersion } from '../model/contract.ts';
import type { ContractKey, Mesh, ServiceId, SpiffeId, WorkloadId } from '../model/mesh.ts';
import type { Problem } from '../model/problem.ts';
import { serviceRef, workloadRef } from '../model/resource-ref.ts';
import type { Service } from '../model/service.ts';
import type { Workload } from '../model/workload.ts';
import { contractKey, type KnownContracts } from './known-contracts.ts';
import { mergeBudgets, mergeMethods } from './merge-versions.ts';
import { noContract } from './no-contract.ts';
import { podPorts } from './pod-ports.ts';
import { share } from './share.ts';

/** The services, and the workloads with the contract that holds for each. */
export interface Services {
  readonly services: ReadonlyMap<ServiceId, Service>;
  readonly workloads: readonly Workload[];
  /** All that count: those that are known, and last good ones that go on serving. */
  readonly contracts: ReadonlyMap<ContractKey, ContractVersion>;
  readonly problems: readonly Problem[];
}

/** Puts replicas behind services, and contracts behind both. */
export function assembleServices(
  facts: Facts,
  known: KnownContracts,
  layer: PolicyLayer,
  previous: Mesh | undefined,
): Services {
  const contracts = new Map(known.versions);
  const problems: Problem[] = [];
  const workloads = new Map(facts.workloads.map((workload) => [workload.id, workload]));
  const services: Service[] = [];
  const selected = selectedBy(facts);
  const claims = new Set(facts.workloads.filter(({ contractHash }) => contractHash).map(({ id }) => id));
  const hasPods = facts.workloads.some(({ pod }) => pod !== undefined);
  for (const [id, facts] of hasPods ? servicesOf(selected) : []) {
    const workload = workloads.get(id);
    if (workload?.pod) workloads.set(id, withPodPorts(workload, ...facts));
  }
  for (const fact of facts.services) {
    const id: ServiceId = `${fact.namespace}/${fact.name}`;
    const before = () => publishedVersions(previous, id);
    const replicas: Workload[] = [];
    for (const id of selected.get(fact) ?? []) {
      const workload = workloads.get(id);
      if (workload === undefined) continue;
      const others = () => siblingVersions(fact, selected.get(fact) ?? [], workloads, known);
      const outcome = withContract(workload, known, before, others);
      problems.push(...outcome.problems);
      workloads.set(workload.id, outcome.workload);
      if (outcome.lastGood) contracts.set(`${workload.namespace}/${outcome.lastGood.hash}`, outcome.lastGood);
      replicas.push(outcome.workload);
    }
    const outcome = assembleService(previous?.services.get(id), id, fact, replicas, contracts, layer, claims);
    problems.push(...outcome.problems);
    services.push(outcome.service);
  }
  services.sort((a, b) => (a.id < b.id ? -1 : 1));
  return {
    services: new Map(services.map((service) => [service.id, service])),
    workloads: [...workloads.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    contracts: new Map([...contracts].sort(([a], [b]) => (a < b ? -1 : 1))),
    problems,
  };
}

/** A pod takes calls where its Services say. */
const withPodPorts = memoize(
  (workload: Workload, ...facts: ServiceFact[]): Workload =>
    workload.pod ? { ...workload, inbound: podPorts(workload.pod, facts) } : workload,
);

/** The replicas of each Service. */
function selectedBy(facts: Facts): Map<ServiceFact, WorkloadId[]> {
  const byLabel = indexByLabel(facts.workloads);
  const workloads = new Map(facts.workloads.map((workload) => [workload.id, workload]));
  return new Map(
    facts.services.map((fact) => [
      fact,
      candidates(fact, byLabel).filter((id) => {
        const workload = workloads.get(id);
        return workload !== undefined && selects(fact, workload);
      }),
    ]),
  );
}

/** The Services of each replica, those with a virtual address before headless ones, which are often their twins. */
function servicesOf(selected: ReadonlyMap<ServiceFact, readonly WorkloadId[]>): Map<WorkloadId, ServiceFact[]> {
  const found = new Map<WorkloadId, ServiceFact[]>();
  const sorted = [...selected].sort(
    ([a], [b]) =>
      Number(a.headless) - Number(b.headless) || (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1),
  );
  for (const [fact, ids] of sorted) for (const id of ids) found.set(id, [...(found.get(id) ?? []), fact]);
  return found;
}

/** Workloads by namespace and each of their labels, so that a service need not look at all of them. */
function indexByLabel(workloads: readonly Workload[]): ReadonlyMap<string, readonly WorkloadId[]> {
  const index = new Map<string, WorkloadId[]>();
  for (const { id, namespace, labels } of workloads) {
    for (const [label, value] of Object.entries(labels)) {
      const key = `${namespace} ${label}=${value}`;
      const ids = index.get(key);
      if (ids) ids.push(id);
      else index.set(key, [id]);
    }
  }
  return index;
}

function candidates(fact: ServiceFact, byLabel: ReturnType<typeof indexByLabel>): readonly WorkloadId[] {
  const [first] = Object.entries(fact.selector);
  return (first && byLabel.get(`${fact.namespace} ${first[0]}=${first[1]}`)) ?? [];
}

function selects(fact: ServiceFact, workload: Workload): boolean {
  const wanted = Object.entries(fact.selector);
  return (
    workload.namespace === fact.namespace &&
    wanted.length > 0 &&
    wanted.every(([label, value]) => workload.labels[label] === value)
  );
}

/** The versions that a service ran before, as they were published: without what was laid over them then. */
function publishedVersions(previous: Mesh | undefined, id: ServiceId): ContractVersion[] {
  const service = previous?.services.get(id);
  return [...(service?.versions.keys() ?? [])].flatMap(
    (hash) => previous?.contracts.get(`${service?.namespace ?? ''}/${hash}`) ?? [],
  );
}

/**
 * What can stand in for a version of a service that is not understood when nobody remembers what held before, as after a start:
 * what its other replicas run, else what its namespace publishes under its name.
 */
function siblingVersions(
  fact: ServiceFact,
  ids: readonly WorkloadId[],
  workloads: ReadonlyMap<WorkloadId, Workload>,
  known: KnownContracts,
): readonly ContractVersion[] {
  const running = ids.flatMap((id) => {
    const workload = workloads.get(id);
    const key = workload && contractKey(workload);
    return (key && known.versions.get(key)) ?? [];
  });
  return [...running, ...publishedFor(fact, known.versions)];
}

/** A replica with its own contract version or, when that is not understood, the last good one of its service. */
function withContract(
  workload: Workload,
  contracts: KnownContracts,
  before: () => readonly ContractVersion[],
  others: () => readonly ContractVersion[],
): { workload: Workload; lastGood?: ContractVersion; problems: Problem[] } {
  const key = contractKey(workload);
  if (key === undefined || contracts.versions.has(key)) return { workload, problems: [] };
  const refused = contracts.refused.get(key);
  const lastGood =
    before().find(({ origin }) => origin === refused?.origin) ??
    before().at(-1) ??
    // Just started: the source has kept what the same file held before.
    [...contracts.versions.values()].find(({ origin }) => refused !== undefined && origin === refused.origin) ??
    (refused === undefined ? undefined : others()[0]);
  const { contractHash, ...rest } = workload;
  const problem: Problem = {
    resource: `Workload ${workload.id}`,
    about: [workloadRef(workload.id)],
    field: 'spec.contract',
    message: refused
      ? `runs contract ${contractHash}, which has problems (${refused.origin}); ${lastGood ? `${lastGood.hash} goes on serving` : 'nobody may call it'}`
      : `runs contract ${contractHash}, which is nowhere in namespace ${workload.namespace}`,
    advice: refused ? 'mend the contract, or roll back' : 'publish its descriptor set',
  };
  return lastGood
    ? { workload: { ...rest, contractHash: lastGood.hash }, lastGood, problems: [problem] }
    : { workload: rest, problems: [problem] };
}

/** What a service was made of. */
const madeOf = new WeakMap<Service, { readonly from: readonly unknown[]; readonly problems: readonly Problem[] }>();

/** A service and its problems; `before`, the service of the mesh before, when it is made of the same things. */
function assembleService(
  before: Service | undefined,
  id: ServiceId,
  fact: ServiceFact,
  replicas: readonly Workload[],
  contracts: Services['contracts'],
  layer: PolicyLayer,
  claims: ReadonlySet<WorkloadId>,
): { service: Service; problems: readonly Problem[] } {
  // A pod's metrics may have a Service of their own, which is not what its contract is about.
  const isContracts = speaksGrpc(fact.ports[0]?.appProtocol);
  const running = isContracts ? versionsOf(replicas, contracts) : [];
  const versions = isContracts && replicas.length === 0 ? publishedFor(fact, contracts) : running;
  const [first] = versions;
  const published = versions.filter(({ logicalName }) => logicalName === first?.logicalName);
  const hasPolicy = layer.has(id);
  const own = layer.apply(id, first || !hasPolicy ? published : [noContract(id)]);
  // A contract that is not understood must not open what it would have closed.
  const isClaimed = isContracts && replicas.some(({ id }) => claims.has(id));
  const from = [fact, hasPolicy, isClaimed, versions.length, ...versions, own.length, ...own, ...replicas];
  const made = before && madeOf.get(before);
  if (before && made && isSame(made.from, from)) return { service: before, problems: made.problems };
  const { service: next, problems } = makeService(id, fact, replicas, versions, own, !hasPolicy && !isClaimed);
  const service = share(before, next);
  madeOf.set(service, { from, problems });
  return { service, problems };
}

function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

/** `own`: the versions with what is laid over them. `open`: nobody has said who may call, were there no contract. */
function makeService(
  id: ServiceId,
  fact: ServiceFact,
  replicas: readonly Workload[],
  versions: readonly ContractVersion[],
  own: readonly ContractVersion[],
  open: boolean,
): { service: Service; problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const [main, ...otherPorts] = fact.ports;
  const [first, ...others] = versions;
  for (const other of others) {
    if (first === undefined || other.logicalName === first.logicalName) continue;
    problems.push({
      resource: fact.origin,
      about: [serviceRef(id)],
      message: `Service ${id} has replicas of ${first.logicalName} and of ${other.logicalName}`,
      advice: `a selector that matches the replicas of one of them; ${first.logicalName} counts`,
    });
  }
  if (otherPorts.length > 0 && replicas.some(({ pod }) => pod === undefined)) {
    problems.push({
      resource: fact.origin,
      about: [serviceRef(id)],
      field: 'spec.ports',
      message: `Service ${id} has ${fact.ports.length} ports, and replicas that are no pods; of those only port ${main?.port} counts`,
      advice: 'one port, or one Service for each',
    });
  }
  const readyHashes = new Set(replicas.flatMap(({ ready, contractHash }) => (ready && contractHash) || []));
  const ready = own.filter(({ hash }) => readyHashes.has(hash));
  // While no replica is ready, callers see what they would see, and are told that nobody answers rather than that they may not.
  const seen = ready.length > 0 ? ready : own;
  const identities = [...new Set<SpiffeId>(replicas.map(({ spiffeId }) => spiffeId))].sort();
  const service: Service = {
    id,
    namespace: fact.namespace,
    name: fact.name,
    hosts: [
      `${fact.name}.${fact.namespace}.svc.cluster.local`,
      `${fact.name}.${fact.namespace}.svc`,
      `${fact.name}.${fact.namespace}`,
    ],
    port: main?.port ?? 0,
    protocol: first ? 'grpc' : protocolOf(main?.appProtocol),
    ungoverned: first === undefined && open,
    otherPorts: otherPorts.map(({ port, appProtocol }) => ({ port, protocol: protocolOf(appProtocol) })),
    addresses: fact.addresses,
    headless: fact.headless,
    ...(first ? { logicalName: first.logicalName } : {}),
    identities,
    versions: new Map(own.map((version) => [version.hash, version])),
    methods: mergeMethods(...seen),
    retryBudget: mergeBudgets(...seen) ?? defaultRetryBudget,
    workloads: replicas.map((replica) => replica.id).sort(),
    routes: [],
  };
  return { service, problems };
}

function versionsOf(replicas: readonly Workload[], contracts: Services['contracts']): ContractVersion[] {
  const keys = new Set(replicas.map(contractKey));
  const versions = [...keys].flatMap((key) => (key && contracts.get(key)) ?? []);
  return versions.sort((a, b) => (a.hash < b.hash ? -1 : 1));
}

/** A service without replicas is known by the contract that its namespace publishes under its name, so that calls wait for it. */
function publishedFor(fact: ServiceFact, contracts: Services['contracts']): ContractVersion[] {
  return [...contracts.values()].filter(
    ({ namespace, logicalName }) => namespace === fact.namespace && logicalName.split('.').at(-1) === fact.name,
  );
}

/** Whether a port may be one of gRPC: nobody says that it is not. */
function speaksGrpc(appProtocol: string | undefined): boolean {
  return appProtocol === undefined || ['grpc', 'http2'].includes(protocolOf(appProtocol));
}

function protocolOf(appProtocol: string | undefined): Service['protocol'] {
  switch (appProtocol) {
    case 'grpc':
      return 'grpc';
    case 'http2':
    case 'kubernetes.io/h2c':
      return 'http2';
    case 'http':
    case 'kubernetes.io/ws':
      return 'http';
    default:
      return 'tcp';
  }
}
