import type { Collection, Graph, Index } from '@weft/collections';
import { defaultSettings } from '../facts/default-settings.ts';
import { settingsKey } from '../facts/fact-collections.ts';
import { type AccessLogLevel, accessLogLevel } from '../model/access-log.ts';
import type { LogicalName, MeshSettings, ServiceId, WorkloadId } from '../model/mesh.ts';
import { type UndeclaredCalls, undeclaredCalls } from '../model/outbound-rule.ts';
import { isPermissive } from '../model/permissive.ts';
import type { InboundPort, SocketAddress, Workload } from '../model/workload.ts';
import { outboundPort } from '../pod/ports.ts';
import type { Translation } from '../translation/translate.ts';
import { zonesOf } from './zones.ts';

/**
 * A connected proxy by what it has in common with others: proxies with one key share all that follows from it, so that it is made once.
 * Keys are JSON of `CallsKey`, `ListenerKey` and `InboundKey`; "" where a proxy has nothing of the kind.
 */
export interface ProxyKeys {
  readonly calls: string;
  readonly listener: string;
  readonly inbound: string;
  /** The hash of its contract version; "": it has none. Decides routes and limits, and no listener. */
  readonly contract: string;
  /** Where it is among its like (zones.ts), where zones are preferred. */
  readonly zones: string;
}

/** What decides what may be called: a namespace and the names by which its workloads go, or a gateway. */
export type CallsKey =
  | { readonly namespace: string; readonly names: readonly LogicalName[] }
  | { readonly gateway: string };

/** What decides the listener for a proxy's callers from within: its application, or those outside of the mesh. */
export interface ListenerKey {
  readonly calls: string;
  readonly listen: SocketAddress;
  /** Calls are redirected to it; with `ipv6`, those of that family too. Absent: they are not. */
  readonly redirected?: { readonly ipv6: boolean; readonly undeclared: UndeclaredCalls };
  /** Under which its spans appear; "" where there are none. */
  readonly serviceName: string;
  /** Which calls get a line in the access log. */
  readonly accessLog: AccessLogLevel;
}

/** What decides how a sidecar takes calls from the mesh. */
export interface InboundKey {
  /** How they come: redirected by the kernel, to ports of the pod's that the proxy owns, or to those of a process. */
  readonly mode: 'redirected' | 'owned' | 'process';
  readonly ipv6: boolean;
  /** In order. Of redirected calls without the address. */
  readonly ports: readonly InboundPort[];
  /** Of these, those that take plain text. */
  readonly permissive: readonly number[];
  /** Its service, the one with a contract first; absent: it has none. */
  readonly own?: ServiceId;
  /** Names routes that no service does. */
  readonly owner: ServiceId | WorkloadId;
  readonly serviceName: string;
  /** Which calls get a line in the access log. */
  readonly accessLog: AccessLogLevel;
}

/** Connected proxies, and who shares what. */
export interface Proxies {
  readonly proxies: Collection<ProxyKeys>;
  readonly byCalls: Index<ProxyKeys>;
  readonly byListener: Index<ProxyKeys>;
  readonly byInbound: Index<ProxyKeys>;
  /** By `policyKey`. */
  readonly byPolicy: Index<ProxyKeys>;
  /** By `callersKey`. */
  readonly byZones: Index<ProxyKeys>;
}

/** Says what each connected proxy shares with others. `connected`: by workload id; nothing is made for others. */
export function connectedProxies(graph: Graph, mesh: Translation, connected: Collection<true>): Proxies {
  const { facts, members, workloads, services } = mesh;
  const names = graph.derive('names', services.services, ({ id, name, logicalName, accessLog }) => ({
    id,
    name,
    logicalName,
    accessLog,
  }));
  const zones = zonesOf(graph, mesh);
  const proxies = graph.derive('proxies', connected, (_, read, id): ProxyKeys | undefined => {
    const workload = read.get(workloads.workloads, id);
    if (workload === undefined) return undefined;
    const settings = read.get(facts.settings, settingsKey) ?? defaultSettings;
    const here = settings.zoneAware ? zones(workload, read) : '';
    if (workload.gateway) {
      const { name, listen } = workload.gateway;
      const calls = JSON.stringify({ gateway: name } satisfies CallsKey);
      const accessLog = accessLogLevel(settings, workload.namespace);
      const listener: ListenerKey = { calls, listen, serviceName: name, accessLog };
      return { calls, listener: JSON.stringify(listener), inbound: '', contract: '', zones: here };
    }
    const own = read.keys(members.servicesOf, id).flatMap((key) => read.get(names, key) ?? []);
    const primary = own.find(({ logicalName }) => logicalName !== undefined) ?? own[0];
    const serviceName = primary?.logicalName ?? primary?.name ?? workload.name;
    const known = [...new Set(own.flatMap(({ logicalName }) => logicalName ?? []))];
    const accessLog = accessLogLevel(settings, workload.namespace, primary?.accessLog);
    const listen = listenAddress(workload);
    const calls = listen ? JSON.stringify({ namespace: workload.namespace, names: known } satisfies CallsKey) : '';
    const permissive = workload.inbound
      .map(({ listen }) => listen.port)
      .filter((port) => isPermissive(settings, workload, port));
    return {
      calls,
      listener: listen
        ? JSON.stringify(
            listenerKey(workload, settings, {
              calls,
              listen,
              serviceName: settings.tracing ? serviceName : '',
              accessLog,
            }),
          )
        : '',
      inbound: JSON.stringify(inboundKey(workload, permissive, primary?.id, { serviceName, accessLog })),
      contract: workload.contractHash ?? '',
      zones: here,
    };
  });
  return {
    proxies,
    byCalls: proxies.index('calls', ({ calls }) => some(calls)),
    byListener: proxies.index('listener', ({ listener }) => some(listener)),
    byInbound: proxies.index('inbound', ({ inbound }) => some(inbound)),
    byPolicy: proxies.index('policy', (keys) => some(policyKey(keys))),
    byZones: proxies.index('zones', (keys) => some(callersKey(keys))),
  };
}

/** What decides the endpoints that a proxy holds: what it calls, and from where. "" for a proxy that calls nobody. */
export function callersKey({ calls, zones }: Pick<ProxyKeys, 'calls' | 'zones'>): string {
  return calls === '' ? '' : `${calls}\n${zones}`;
}

/** What decides whom a sidecar lets through to its application: its ports and its contract version. "" for a gateway. */
export function policyKey({ inbound, contract }: Pick<ProxyKeys, 'inbound' | 'contract'>): string {
  return inbound === '' ? '' : `${inbound}\n${contract}`;
}

/** The parts of a `policyKey`. */
export function policyOf(key: string): Pick<ProxyKeys, 'inbound' | 'contract'> {
  const split = key.lastIndexOf('\n');
  return { inbound: key.slice(0, split), contract: key.slice(split + 1) };
}

function listenAddress({ pod, outbound }: Workload): SocketAddress | undefined {
  return pod ? { host: '127.0.0.1', port: outboundPort } : outbound?.listen;
}

function listenerKey(workload: Workload, settings: MeshSettings, said: Omit<ListenerKey, 'redirected'>): ListenerKey {
  const { pod } = workload;
  if (pod?.interception !== 'redirect') return said;
  const undeclared = undeclaredCalls(settings, workload);
  return { ...said, redirected: { ipv6: pod.addresses.some(isIpv6), undeclared } };
}

function inboundKey(
  { id, pod, inbound }: Workload,
  permissive: readonly number[],
  own: ServiceId | undefined,
  said: Pick<InboundKey, 'serviceName' | 'accessLog'>,
): InboundKey {
  const mode = pod === undefined ? 'process' : pod.interception === 'redirect' ? 'redirected' : 'owned';
  const ports =
    mode === 'redirected'
      ? inbound.map((port) => ({ ...port, listen: { host: '', port: port.listen.port } }))
      : inbound;
  return {
    mode,
    ipv6: pod?.addresses.some(isIpv6) ?? false,
    ports,
    permissive,
    ...(own === undefined ? {} : { own }),
    owner: own ?? id,
    ...said,
  };
}

/** Whether an IP address is one of version 6. */
function isIpv6(address: string): boolean {
  return address.includes(':');
}

function some(key: string): string[] {
  return key === '' ? [] : [key];
}
