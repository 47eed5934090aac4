import { create } from '@bufbuild/protobuf';
import { TrafficDirection } from '@weft/envoy-api/envoy/config/core/v3/base';
import { ListenerSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import { type FilterChain, FilterChainSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener_components';
import type { AddressBlock, ExternalService } from '../model/external-service.ts';
import type { MeshSettings, ServiceId } from '../model/mesh.ts';
import type { Protocol } from '../model/service.ts';
import { outboundPort, refusedPorts } from '../pod/ports.ts';
import { address } from './address.ts';
import { byAddress, byBlock, byPort, byServerName, type Choice, chainMatcher } from './destination-match.ts';
import { distinctChains } from './distinct-chains.ts';
import { encodeResource } from './encode.ts';
import { originalDestination, tlsInspectorAt } from './listener-filters.ts';
import { type LoggedCaller, outboundHttp } from './listener-outbound.ts';
import { directCluster, outboundName, passThroughCluster, serviceCluster } from './names.ts';
import type { ListenerKey } from './proxies.ts';
import { type Resource, typeUrls } from './resource.ts';
import { undeclaredConnections } from './stats-log.ts';
import { connectionLog, type TcpTarget, tcpProxy } from './tcp-proxy.ts';

/** Something of the mesh that a workload may call, by where its calls go. */
export interface Destination {
  readonly service: ServiceId;
  /** The service's port; what is in `addresses` is called at `at`. */
  readonly port: number;
  readonly protocol: Protocol;
  readonly isMain: boolean;
  /** The service's virtual addresses; of a headless one, the replicas'. */
  readonly addresses: readonly string[];
  readonly at: number;
  readonly headless: boolean;
}

/** What decides where the calls of a pod's application go. */
export interface Destinations {
  readonly mesh: readonly Destination[];
  readonly external: readonly ExternalService[];
}

/** Metadata and credentials of the cloud: what they answer belongs to the application, in no other name. */
const excluded: readonly AddressBlock[] = [
  { address: '169.254.169.254', prefixLength: 32 },
  { address: '169.254.170.2', prefixLength: 32 },
  { address: '169.254.170.23', prefixLength: 32 },
  { address: 'fd00:ec2::254', prefixLength: 128 },
  { address: 'fd00:ec2::23', prefixLength: 128 },
];

/**
 * The calls of a pod's application, by where they were meant to go; the first that matches counts: a port of the mesh's own, an
 * excluded address, what of the mesh the workload may call, a declared external service, everything else. What it may not call is
 * not among them, so that the listener does not grow with the mesh: such a call goes on in plain text, and the callee's proxy
 * refuses it.
 */
export function originalDestinationListener(
  settings: MeshSettings,
  destinations: Destinations,
  caller: LoggedCaller,
  { ipv6, undeclared }: NonNullable<ListenerKey['redirected']>,
): Resource {
  const otherwise = undeclared === 'deny' ? 'denied' : 'unknown';
  const ports = [
    ...new Set([...destinations.mesh.map(({ at }) => at), ...destinations.external.map(({ port }) => port)]),
  ].sort((a, b) => a - b);
  const known = byPort(
    new Map(ports.map((port) => [port, choiceAt(port, destinations, otherwise)] as const)),
    otherwise,
  );
  const itself = byAddress(
    new Map(['127.0.0.1', ...(ipv6 ? ['::1'] : [])].map((host) => [host, 'application'])),
    'refused',
  );
  const matcher = chainMatcher(
    byPort(
      new Map([
        ...refusedPorts.map((port) => [port, 'refused'] as const),
        [outboundPort, itself ?? 'refused'] as const,
      ]),
      byBlock([[excluded, 'excluded']], known),
    ),
  );
  const inspected = destinations.external.filter(isByHost).map(({ port }) => port);
  const listener = create(ListenerSchema, {
    name: outboundName,
    address: address({ host: '127.0.0.1', port: outboundPort }),
    ...(ipv6 ? { additionalAddresses: [{ address: address({ host: '::1', port: outboundPort }) }] } : {}),
    trafficDirection: TrafficDirection.OUTBOUND,
    listenerFilters: [
      originalDestination,
      ...(inspected.length > 0 ? [tlsInspectorAt([...new Set(inspected)].sort((a, b) => a - b))] : []),
    ],
    ...(matcher ? { filterChainMatcher: matcher } : {}),
    filterChains: [
      create(FilterChainSchema, {
        name: 'application',
        filters: [outboundHttp(settings, outboundName, { ...caller, notesPort: true })],
      }),
      ...besidesMesh[otherwise],
      // The replicas of a headless service may listen at different ports: several destinations, one chain.
      ...distinctChains(destinations.mesh.flatMap((destination) => meshChain(settings, destination, caller))),
      ...destinations.external.map(({ id }) => passing(externalChain(id), passThroughCluster)),
    ],
  });
  return encodeResource(typeUrls.listener, outboundName, ListenerSchema, listener);
}

/** There is none of that name, so the connection is closed. */
const noCluster = 'nowhere';

/** Connections that are counted by where they went, when they end. */
const counted: Pick<TcpTarget, 'told'> = {
  told: { logs: [connectionLog('outbound'), undeclaredConnections], options: {} },
};

function passing(name: string, cluster: string, more: Pick<TcpTarget, 'told'> = {}): FilterChain {
  const countedAs = name.replace(/[^a-zA-Z0-9]+/g, '_');
  return create(FilterChainSchema, {
    name,
    filters: [tcpProxy({ cluster, countedAs, direction: 'outbound', ...more })],
  });
}

const refusedAndExcluded = [passing('refused', noCluster), passing('excluded', passThroughCluster)];

/** The chains of what is not the mesh's, by what becomes of everything else. */
const besidesMesh: Readonly<Record<'denied' | 'unknown', readonly FilterChain[]>> = {
  denied: [...refusedAndExcluded, passing('denied', noCluster, counted)],
  unknown: [...refusedAndExcluded, passing('unknown', passThroughCluster, counted)],
};

function meshChain(settings: MeshSettings, destination: Destination, caller: LoggedCaller): FilterChain[] {
  const { service, port, protocol, isMain, headless } = destination;
  const name = chainOf(destination);
  // HTTP of a virtual address goes by the host and the path, as every call to the proxy itself.
  if (name === 'application') return [];
  const cluster = headless ? directCluster(service, port) : serviceCluster(service, isMain ? undefined : port);
  if (protocol === 'tcp') return [passing(name, cluster)];
  return [create(FilterChainSchema, { name, filters: [outboundHttp(settings, cluster, caller)] })];
}

function chainOf({ service, port, protocol, headless }: Destination): string {
  if (protocol === 'tcp') return `tcp|${service}|${port}`;
  return headless ? directCluster(service, port) : 'application';
}

function externalChain(id: ExternalService['id']): string {
  return `external|${id}`;
}

/** A client of it says in TLS which host it wants, and waits for nothing before. */
function isByHost({ tls, serverFirst, addresses }: ExternalService): boolean {
  return tls && !serverFirst && addresses.length === 0;
}

/** What a call to a port may be. */
function choiceAt(port: number, { mesh, external }: Destinations, otherwise: string): Choice {
  const here = external.filter((service) => service.port === port);
  const byPortAlone = here.find((service) => service.addresses.length === 0 && !isByHost(service));
  const rest = byPortAlone ? externalChain(byPortAlone.id) : otherwise;
  const byHost = byServerName(
    here.filter(isByHost).map(({ host, id }) => [host, externalChain(id)]),
    rest,
  );
  const byBlocks = byBlock(
    here.map(({ addresses, id }) => [addresses, externalChain(id)]),
    byHost,
  );
  const services = mesh.filter(({ at }) => at === port);
  const choices = services.flatMap((service) =>
    service.addresses.map((address) => [address, chainOf(service)] as const),
  );
  // What is nearest comes first and keeps its addresses, whoever else has them.
  return byAddress(new Map(choices.reverse()), byBlocks) ?? rest;
}
