import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import {
  type AccessLog,
  AccessLogFilterSchema,
  AccessLogSchema,
} from '@weft/envoy-api/envoy/config/accesslog/v3/accesslog';
import { TrafficDirection } from '@weft/envoy-api/envoy/config/core/v3/base';
import { ApiVersion } from '@weft/envoy-api/envoy/config/core/v3/config_source';
import { ListenerSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import type { FilterChain } from '@weft/envoy-api/envoy/config/listener/v3/listener_components';
import { TcpGrpcAccessLogConfigSchema } from '@weft/envoy-api/envoy/extensions/access_loggers/grpc/v3/als';
import type { MeshSettings } from '../model/mesh.ts';
import { type Resource, typeUrls } from '../xds/resource.ts';
import { address } from './address.ts';
import { byPort, byTransport, type Choice, chainMatcher } from './destination-match.ts';
import { encodeResource } from './encode.ts';
import { inboundHttp, inboundPlainHttp, inboundTcp } from './filter-chain-inbound.ts';
import type { InboundRule } from './inbound-rule.ts';
import { originalDestination, tlsInspector } from './listener-filters.ts';
import { controlPlaneCluster, inboundName, interceptedInboundName } from './names.ts';
import { connectionLog } from './tcp-proxy.ts';
import { extension } from './typed-config.ts';

/** Where redirected calls of other pods arrive (images/interception). */
export const interceptedInboundPort = 15_000;

/** A port of a pod, and what its listener needs to know of it. */
export interface PodPort {
  readonly rule: InboundRule;
  readonly routes: string;
  readonly serviceName: string;
}

/**
 * Where the proxy of a pod takes calls, whatever their port: the kernel redirects them all. A port has mTLS with those who may call,
 * and HTTP in plain text is refused in words; what belongs to no service is closed. `ipv6`: the pod has such an address.
 */
export function interceptedInbound(settings: MeshSettings, ports: readonly PodPort[], ipv6: boolean): Resource {
  const chains = ports.flatMap((port) => chainsOf(settings, port));
  const choices = new Map(ports.map(({ rule }) => [rule.port.listen.port, choiceAt(rule)] as const));
  return encode(interceptedInboundName, {
    listen: { host: '0.0.0.0', port: interceptedInboundPort },
    ...(ipv6 ? { also: { host: '::', port: interceptedInboundPort } } : {}),
    chains: distinct(chains),
    choice: byPort(choices),
    redirected: true,
  });
}

/** Where the proxy of a pod takes calls at one port, which it owns: where nothing is redirected. */
export function ownedInbound(settings: MeshSettings, port: PodPort): Resource {
  const { listen } = port.rule.port;
  return encode(inboundName(listen.port), {
    listen,
    chains: chainsOf(settings, port),
    choice: choiceAt(port.rule),
    redirected: false,
  });
}

const plainChain = 'plain';
const tlsChain = ({ port }: InboundRule) => `tls|${port.listen.port}`;

function choiceAt(rule: InboundRule): Choice {
  const choice = rule.protocol === 'tcp' ? byTransport(tlsChain(rule)) : byTransport(tlsChain(rule), plainChain);
  return choice ?? plainChain;
}

function chainsOf(settings: MeshSettings, { rule, routes, serviceName }: PodPort): FilterChain[] {
  const name = tlsChain(rule);
  if (rule.protocol === 'tcp') return [inboundTcp(settings, rule.port.listen.port, rule.peers ?? [], name)];
  return [
    inboundHttp({ settings, routes, serviceName, name }),
    inboundPlainHttp({ settings, serviceName, name: plainChain }),
  ];
}

function distinct(chains: readonly FilterChain[]): FilterChain[] {
  return [...new Map(chains.map((chain) => [chain.name, chain])).values()];
}

interface Parts {
  readonly listen: { readonly host: string; readonly port: number };
  readonly also?: { readonly host: string; readonly port: number };
  readonly chains: readonly FilterChain[];
  readonly choice: Choice | undefined;
  readonly redirected: boolean;
}

function encode(name: string, { listen, also, chains, choice, redirected }: Parts): Resource {
  const matcher = chainMatcher(choice);
  const listener = create(ListenerSchema, {
    name,
    address: address(listen),
    ...(also ? { additionalAddresses: [{ address: address(also) }] } : {}),
    trafficDirection: TrafficDirection.INBOUND,
    listenerFilters: [...(redirected ? [originalDestination] : []), tlsInspector],
    // A caller in plain text that waits for the server to speak first: by then it is known not to speak TLS.
    listenerFiltersTimeout: durationFromMs(5000),
    continueOnListenerFiltersTimeout: true,
    filterChains: [...chains],
    ...(matcher ? { filterChainMatcher: matcher } : {}),
    accessLog: [...refusedConnections],
  });
  return encodeResource(typeUrls.listener, name, ListenerSchema, listener);
}

/** Connections that no chain took: a line on stdout, and word to the control plane, which knows who is at an address. */
const refusedConnections: readonly AccessLog[] = [
  connectionLog('inbound'),
  create(
    AccessLogSchema,
    extension('envoy.access_loggers.tcp_grpc', TcpGrpcAccessLogConfigSchema, {
      commonConfig: {
        logName: 'refused',
        transportApiVersion: ApiVersion.V3,
        grpcService: {
          targetSpecifier: { case: 'envoyGrpc', value: { clusterName: controlPlaneCluster } },
        },
        bufferFlushInterval: durationFromMs(1000),
      },
    }),
  ),
].map((log) =>
  create(AccessLogSchema, {
    ...log,
    filter: create(AccessLogFilterSchema, {
      filterSpecifier: { case: 'responseFlagFilter', value: { flags: ['NR'] } },
    }),
  }),
);
