import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { TrafficDirection } from '@weft/envoy-api/envoy/config/core/v3/base';
import { ListenerSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import type { FilterChain } from '@weft/envoy-api/envoy/config/listener/v3/listener_components';
import type { AccessLogLevel } from '../model/access-log.ts';
import type { MeshSettings } from '../model/mesh.ts';
import { inboundPort as interceptedPort } from '../pod/ports.ts';
import { address } from './address.ts';
import { byPort, byTransport, type Choice, chainMatcher } from './destination-match.ts';
import { distinctChains } from './distinct-chains.ts';
import { encodeResource } from './encode.ts';
import { inboundHttp, inboundPlainHttp, inboundPlainTaken, inboundTcp } from './filter-chain-inbound.ts';
import { maxWholeAnswerBytes } from './http-filters.ts';
import type { InboundRule } from './inbound-rule.ts';
import { originalDestination, tlsInspector } from './listener-filters.ts';
import { inboundName, interceptedInboundName } from './names.ts';
import { refusedConnections } from './refused-log.ts';
import { type Resource, typeUrls } from './resource.ts';

/** A port of a pod, and what its listener needs to know of it. */
export interface PodPort {
  readonly rule: InboundRule;
  readonly routes: string;
  readonly serviceName: string;
  /** Which of its calls get a line in the access log. */
  readonly accessLog: AccessLogLevel;
}

/**
 * Where the proxy of a pod takes calls, whatever their port: the kernel redirects them all. A port has mTLS with those who may call,
 * and HTTP in plain text is refused in words; what belongs to no service is closed. `ipv6`: the pod has such an address.
 */
export function interceptedInbound(settings: MeshSettings, ports: readonly PodPort[], ipv6: boolean): Resource {
  const chains = ports.flatMap((port) => chainsOf(settings, port));
  const choices = new Map(ports.map(({ rule }) => [rule.port.listen.port, choiceAt(rule)] as const));
  return encode(interceptedInboundName, {
    listen: { host: '0.0.0.0', port: interceptedPort },
    ...(ipv6 ? { also: { host: '::', port: interceptedPort } } : {}),
    chains: distinctChains(chains),
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

const takenChain = ({ port }: InboundRule) => `plain|${port.listen.port}`;

function choiceAt(rule: InboundRule): Choice {
  const plain = rule.permissive ? takenChain(rule) : rule.protocol === 'tcp' ? undefined : plainChain;
  return byTransport(tlsChain(rule), plain) ?? plainChain;
}

function chainsOf(settings: MeshSettings, { rule, routes, serviceName, accessLog }: PodPort): FilterChain[] {
  const { port } = rule.port.listen;
  const name = tlsChain(rule);
  const mesh =
    rule.protocol === 'tcp'
      ? inboundTcp(settings, port, rule.peers ?? [], name)
      : inboundHttp({ settings, routes, serviceName, accessLog, name });
  if (rule.permissive) return [mesh, inboundPlainTaken(settings, rule, serviceName, takenChain(rule))];
  return rule.protocol === 'tcp'
    ? [mesh]
    : [mesh, inboundPlainHttp({ settings, serviceName, accessLog, name: plainChain })];
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
    perConnectionBufferLimitBytes: maxWholeAnswerBytes,
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
