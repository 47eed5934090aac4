import type { Collection, Index } from '@weft/collections';
import type { BackEnd } from './envoy/back-end.ts';
import { serviceOfCluster } from './envoy/names.ts';
import type { HostKey } from './envoy/outbound-hosts.ts';
import { settingsKey } from './facts/fact-collections.ts';
import { idOf, partsOfId, type ServiceId } from './model/names.ts';
import { groupOf, type ResourceRef, refWords, serviceRef, weftRef, workloadRef } from './model/resource-ref.ts';
import type { Translation } from './translation/translate.ts';

/** Where keys are looked up. */
export interface FailureSources {
  readonly translation: Translation;
  readonly backEnd: BackEnd;
}

/** What a failure is about. */
export interface FailureSubject {
  /** As its author knows it: "Service bakery/orders", "contracts/bakery/bakery.orders.binpb". */
  readonly resource: string;
  readonly about: readonly ResourceRef[];
}

/** The resource that a key of a collection belongs to. A key that nobody knows, as one of a source, speaks for itself. */
export function failureSubject(collection: string, key: string, sources: FailureSources): FailureSubject {
  const kind = kindOfKeys(collection);
  return (kind && subjects[kind](key, sources)) ?? { resource: key, about: [] };
}

/** What the keys of each derived collection's input are. */
const keyKinds = {
  labels: 'workload',
  'contracts run': 'workload',
  'contracts held': 'workload',
  workloads: 'workload',
  'problems of contracts held': 'workload',
  'foreign gateways': 'workload',
  'accounts of gateways': 'workload',
  'gateways that are not there': 'workload',
  'labels in common': 'workload',
  'places of replicas': 'workload',
  proxies: 'workload',
  members: 'service',
  replicas: 'service',
  versions: 'service',
  laid: 'service',
  merged: 'service',
  services: 'service',
  'service problems': 'service',
  'accounts of services': 'service',
  'callers named': 'service',
  'exposure without a row': 'service',
  'logical names': 'service',
  originals: 'service',
  copies: 'service',
  'copied Services': 'service',
  'problems of policies': 'service',
  mirrors: 'service',
  'called services': 'service',
  'declared calls': 'service',
  callers: 'service',
  names: 'service',
  'cluster settings': 'service',
  'addresses of replicas': 'service',
  'inbound versions': 'service',
  'request limits': 'version',
  admissions: 'service',
  places: 'service',
  'contracts read': 'contract',
  contracts: 'contract',
  'contracts owned': 'contract',
  'contracts judged': 'contract',
  'contracts in use': 'contract',
  'quotas of namespaces': 'namespace',
  'contract quotas': 'settings',
  'contract versions': 'contract',
  'names in contracts': 'contract',
  'contracts refused': 'contract',
  'contract problems': 'contract',
  'policies read': 'resource',
  policies: 'resource',
  'overrides now': 'resource',
  'policies not understood': 'resource',
  'policies of nothing': 'resource',
  overrides: 'resource',
  'overrides of nothing': 'resource',
  accounts: 'account',
  'shared identities': 'account',
  'accounts in common': 'account',
  identities: 'name',
  gateways: 'gateway',
  'services at gateways': 'gateway',
  'routes at gateways': 'calls',
  'routes of replicas': 'service',
  'route resources of ports': 'port',
  'admissions of versions': 'service',
  'destinations of ports': 'port',
  'routes elsewhere': 'port',
  'paths at gateways': 'exposed',
  'judged paths': 'gateway',
  'verdicts on paths': 'exposed',
  'problems of paths': 'exposed',
  'routes of contracts': 'exposed',
  'gateway parts': 'exposed',
  'route resources as read': 'route',
  'route resources': 'route',
  'problems of routes': 'route',
  'versions of routes': 'route',
  'preference of zones': 'settings',
  tracing: 'settings',
  calls: 'calls',
  targets: 'calls',
  'targets addressed': 'calls',
  'targets by key': 'calls',
  'clusters called': 'calls',
  'cluster names': 'calls',
  'outbound routes': 'calls',
  'gateway parts in order': 'calls',
  'gateway parts that are sent': 'calls',
  'gateway routes': 'calls',
  'hosts of callers': 'calls',
  'hosts that are sent': 'calls',
  'sources of services': 'service',
  destinations: 'calls',
  'host of a target': 'target',
  'direct routes': 'target',
  'virtual hosts': 'host',
  clusters: 'cluster',
  'endpoint keys': 'endpoints',
  endpoints: 'endpoints',
  'callers by zone': 'callers',
  listeners: 'listener',
  'clusters of own listeners': 'listener',
  inbound: 'inbound',
  'inbound rules': 'inbound',
  'inbound listeners': 'inbound',
  applications: 'policy',
  'inbound routes': 'policy',
  'inbound clusters': 'application',
} as const satisfies Record<string, string>;

type KeyKind = (typeof keyKinds)[keyof typeof keyKinds];

/** An index is called after its collection, whose keys it takes. */
function kindOfKeys(collection: string): KeyKind | undefined {
  const kinds: Readonly<Record<string, KeyKind>> = keyKinds;
  const words = collection.split(' ');
  for (let count = words.length; count > 0; count--) {
    const kind = kinds[words.slice(0, count).join(' ')];
    if (kind !== undefined) return kind;
  }
  return undefined;
}

const subjects: Readonly<Record<KeyKind, (key: string, sources: FailureSources) => FailureSubject | undefined>> = {
  service: ofService,
  workload: (key) => (isId(key) ? ofRef(workloadRef(idOf(key))) : undefined),
  port: (key) => ofService(key.slice(0, key.indexOf(' '))),
  version: (key) => ofService(key.slice(0, key.indexOf(' '))),
  route: ofRoute,
  exposed: (key, sources) =>
    ofRoute(key.slice(key.indexOf('\n') + 1), sources) ?? ofService(key.slice(key.lastIndexOf('\n') + 1)),
  contract: (key, sources) => {
    const fact = sources.translation.facts.contracts.get(key);
    if (fact) return { resource: fact.origin, about: fact.refs ?? [] };
    // A replica may name a contract that nobody has published.
    return isId(key) ? subjects.namespace(partsOfId(idOf(key)).namespace, sources) : undefined;
  },
  namespace: (key) => ofRef({ group: '', kind: 'Namespace', namespace: '', name: key }),
  resource: (key, { translation }) => {
    const fact = translation.facts.resources.get(key);
    if (fact === undefined) return undefined;
    const { apiVersion, kind, metadata } = fact;
    return ofRef({ group: groupOf(apiVersion), kind, namespace: metadata.namespace ?? 'default', name: metadata.name });
  },
  account: (key) => {
    const [, namespace, name] = /\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(key) ?? [];
    return namespace && name ? ofRef({ group: '', kind: 'ServiceAccount', namespace, name }) : undefined;
  },
  name: (key, sources) => {
    const named = [...sources.translation.mesh.services.values()].filter(({ logicalName }) => logicalName === key);
    return ofServices(named.map(({ id }) => id)) ?? subjects.gateway(key, sources);
  },
  gateway: (key, { translation }) => (translation.facts.gateways.has(key) ? ofRef(weftRef('Gateway', key)) : undefined),
  settings: (_, { translation }) => {
    const config = weftRef('MeshConfig', 'mesh');
    return { resource: translation.facts.settings.get(settingsKey)?.origin ?? refWords(config), about: [config] };
  },
  target: (key) => ofCluster(key.slice(key.lastIndexOf('\n') + 1)),
  endpoints: (key) => ofCluster(key.slice(0, key.indexOf('\n'))),
  cluster: ofCluster,
  host: (key) => {
    const { id }: HostKey = JSON.parse(key);
    return ofService(id);
  },
  calls: (key, sources) => ofProxies(sources.backEnd.proxies.byCalls, [key], sources),
  callers: (key, sources) => ofProxies(sources.backEnd.proxies.byZones, [key], sources),
  listener: (key, sources) => ofProxies(sources.backEnd.proxies.byListener, [key], sources),
  inbound: (key, sources) => ofProxies(sources.backEnd.proxies.byInbound, [key], sources),
  policy: (key, sources) => ofProxies(sources.backEnd.proxies.byPolicy, [key], sources),
  application: (key, sources) => {
    const { proxies, inbound } = sources.backEnd;
    return ofProxies(proxies.byPolicy, inbound.byApplication.keysIn(key), sources);
  },
};

function ofRef(ref: ResourceRef): FailureSubject {
  return { resource: refWords(ref), about: [ref] };
}

/** What cannot be computed may be about a Service that has gone meanwhile. */
function ofService(key: string): FailureSubject | undefined {
  return isId(key) ? ofRef(serviceRef(idOf(key))) : undefined;
}

function ofCluster(name: string): FailureSubject | undefined {
  return ofService(serviceOfCluster(name));
}

/** A source may have keys of another form in a collection of the same name. */
function isId(key: string): boolean {
  return /^[^/\s]+\/[^/\s]+$/.test(key);
}

function ofRoute(key: string, { translation }: FailureSources): FailureSubject | undefined {
  const origin = translation.routes.given.get(key)?.origin;
  return origin?.is === 'resource' ? ofRef(origin.ref) : undefined;
}

/** What several Services share is named after their namespace. */
function ofServices(ids: readonly ServiceId[]): FailureSubject | undefined {
  const [first, ...others] = [...new Set(ids)];
  if (first === undefined) return undefined;
  if (others.length === 0) return ofRef(serviceRef(first));
  const name = partsOfId(first).namespace;
  return { resource: `Namespace ${name}`, about: [first, ...others].map(serviceRef) };
}

/** What proxies share belongs to their gateway or Services, or to the replica itself when it has none. */
function ofProxies(
  index: Index<unknown>,
  keys: readonly string[],
  { translation }: FailureSources,
): FailureSubject | undefined {
  const ids = keys.flatMap((key) => index.keysIn(key));
  const { workloads }: { workloads: Collection<{ readonly gateway?: { readonly name: string } }> } =
    translation.workloads;
  const gateway = ids.flatMap((id) => workloads.get(id)?.gateway ?? [])[0];
  if (gateway !== undefined) return ofRef(weftRef('Gateway', gateway.name));
  const services = ids.flatMap((id) => translation.members.servicesOf.keysIn(id));
  const [first] = ids;
  return ofServices(services.map(idOf)) ?? (first === undefined ? undefined : ofRef(workloadRef(idOf(first))));
}
