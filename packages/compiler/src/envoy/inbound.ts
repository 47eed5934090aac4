import type { Collection, Graph, Index, Read } from '@weft/collections';
import { defaultSettings } from '../facts/default-settings.ts';
import { settingsKey } from '../facts/fact-collections.ts';
import type { LogicalName, Mesh, ServiceId } from '../model/mesh.ts';
import type { Protocol } from '../model/service.ts';
import type { InboundPort } from '../model/workload.ts';
import type { Identities } from '../translation/identities.ts';
import type { Translation } from '../translation/translate.ts';
import type { CalledServices } from './called-services.ts';
import { applicationCluster } from './cluster-application.ts';
import { inboundRule } from './inbound-rule.ts';
import { inboundListener } from './listener-inbound.ts';
import { interceptedInbound, ownedInbound, type PodPort } from './listener-inbound-pod.ts';
import { inboundName, inboundRoutes } from './names.ts';
import { type InboundKey, type Proxies, policyOf } from './proxies.ts';
import { type Resource, sameResource } from './resource.ts';
import { inboundRoutesResource } from './route-inbound.ts';
import { openInboundRoutes } from './route-open.ts';

/** What sidecars hold to take calls from the mesh. */
export interface Inbound {
  /** By `ProxyKeys.inbound`. */
  readonly listeners: Collection<readonly Resource[]>;
  /** By `policyKey`. */
  readonly routes: Collection<readonly Resource[]>;
  /** By `policyKey`: the name of each port's cluster, and its key in `clusters`. */
  readonly applications: Collection<ReadonlyMap<string, string>>;
  /** Those `policyKey`s that lead to a key in `clusters`. */
  readonly byApplication: Index<ReadonlyMap<string, string>>;
  /** Applications that listen alike share one. */
  readonly clusters: Collection<Resource>;
}

/** What decides the cluster of an application, as JSON. */
interface ApplicationKey {
  readonly port: Pick<InboundPort, 'listen' | 'application'>;
  readonly protocol: Protocol;
  readonly maxRequests?: number;
}

interface Rules {
  readonly key: InboundKey;
  readonly ports: readonly PodPort[];
}

const same = { same: sameResources };

const noRules: Pick<Rules, 'ports'> = { ports: [] };

/** Makes what stands before an application. */
export function inbound(
  graph: Graph,
  mesh: Translation,
  { byInbound, byPolicy }: Proxies,
  services: CalledServices,
): Inbound {
  const { facts, services: translated, identities } = mesh;
  const { called, byCaller } = services;
  const versions = graph.deriveMany('inbound versions', translated.laid, ({ versions }, _, service) =>
    versions.map((version) => [`${service} ${version.hash}`, version] as const),
  );
  const limits = graph.derive('request limits', versions, ({ maxConcurrentRequests }) => maxConcurrentRequests);
  const keys = graph.group('inbound', byInbound, (text): InboundKey => JSON.parse(text));
  const rules = graph.derive('inbound rules', keys, (key, read): Rules => {
    const { trustDomain } = read.get(facts.settings, settingsKey) ?? defaultSettings;
    const around = {
      trustDomain,
      own: key.own === undefined ? undefined : read.get(called, key.own),
      service: (id: ServiceId) => read.get(called, id),
      identities: (names: ReadonlySet<LogicalName>) => identitiesIn(identities, names, read),
    };
    const ports = key.ports.map((port) => {
      const rule = inboundRule(port, key.permissive.includes(port.listen.port), around);
      const routes = inboundRoutes(rule.service?.id ?? key.owner, port.listen.port);
      return { rule, routes, serviceName: key.serviceName, accessLog: key.accessLog };
    });
    return { key, ports };
  });
  const listeners = graph.derive(
    'inbound listeners',
    rules,
    ({ key, ports }, read): readonly Resource[] => {
      const settings = read.get(facts.settings, settingsKey) ?? defaultSettings;
      if (key.mode === 'process') return ports.map((port) => inboundListener(settings, port));
      if (key.mode === 'owned') return ports.map((port) => ownedInbound(settings, port));
      // Without a port there is nothing to listen for, and nobody is let in.
      return ports.length === 0 ? [] : [interceptedInbound(settings, ports, key.ipv6)];
    },
    same,
  );
  const applications = graph.group('applications', byPolicy, (policy, read): ReadonlyMap<string, string> => {
    const { inbound, contract } = policyOf(policy);
    const { ports } = read.get(rules, inbound) ?? noRules;
    return new Map(
      ports.map(({ rule: { port, protocol, service } }) => {
        const maxRequests = read.get(limits, versionKey(service?.id, contract));
        return [inboundName(port.listen.port), applicationKey(port, protocol, maxRequests)];
      }),
    );
  });
  const byApplication = applications.index('key', (keys) => keys.values());
  const clusters = graph.group(
    'inbound clusters',
    byApplication,
    (text) => {
      const { port, protocol, maxRequests }: ApplicationKey = JSON.parse(text);
      return applicationCluster(port, protocol, maxRequests);
    },
    { same: sameResource },
  );
  const routes = graph.group(
    'inbound routes',
    byPolicy,
    (policy, read): readonly Resource[] => {
      const { inbound, contract } = policyOf(policy);
      const { ports } = read.get(rules, inbound) ?? noRules;
      return ports.flatMap(({ rule, routes: name }) => {
        const { service, peers, protocol } = rule;
        const { port } = rule.port.listen;
        if (protocol === 'tcp') return [];
        if (service !== undefined && peers !== undefined) {
          return openInboundRoutes(name, port, peers, service.logicalName ?? service.id);
        }
        const version = read.get(versions, versionKey(service?.id, contract));
        const callers = new Set(
          [...(version?.methods.values() ?? [])].flatMap(({ callers, shadow }) => [...callers, ...(shadow ?? [])]),
        );
        const callsOthers = version !== undefined && read.keys(byCaller, version.logicalName).length > 0;
        const known = identitiesIn(identities, callers, read);
        return inboundRoutesResource({ name, port, identities: known, callsOthers }, version);
      });
    },
    same,
  );
  return { listeners, routes, applications, byApplication, clusters };
}

/** The version that holds for replicas of a service that run a contract. */
function versionKey(service: ServiceId | undefined, contract: string): string {
  return `${service ?? ''} ${contract}`;
}

/** Where the proxy listens is no part of it, except the port, which is in its name. */
function applicationKey({ listen, application }: InboundPort, protocol: Protocol, maxRequests?: number): string {
  const key: ApplicationKey = {
    port: { listen: { host: '', port: listen.port }, application },
    protocol,
    ...(maxRequests === undefined ? {} : { maxRequests }),
  };
  return JSON.stringify(key);
}

/** Who speaks under these names, and the accounts that any of them shares. */
function identitiesIn(
  { identities, shared, sharedBy }: Identities,
  names: ReadonlySet<LogicalName>,
  read: Read,
): Pick<Mesh, 'identities' | 'sharedIdentities'> {
  const inOrder = [...names].sort();
  const accounts = new Set(inOrder.flatMap((name) => read.keys(sharedBy, name)));
  return {
    identities: new Map(
      inOrder.flatMap((name) => {
        const found = read.get(identities, name);
        return found === undefined ? [] : [[name, found] as const];
      }),
    ),
    sharedIdentities: new Map(
      [...accounts].sort().flatMap((account) => {
        const sharers = read.get(shared, account);
        return sharers === undefined ? [] : [[account as `spiffe://${string}`, sharers] as const];
      }),
    ),
  };
}

function sameResources(a: readonly Resource[], b: readonly Resource[]): boolean {
  return (
    a.length === b.length && a.every((resource, index) => b[index] !== undefined && sameResource(resource, b[index]))
  );
}
