import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { type FilterChain, FilterChainSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener_components';
import { RouteConfigurationSchema } from '@weft/envoy-api/envoy/config/route/v3/route';
import { RouteSchema } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { ExtAuthzPerRouteSchema } from '@weft/envoy-api/envoy/extensions/filters/http/ext_authz/v3/ext_authz';
import {
  HttpConnectionManager_ForwardClientCertDetails as ClientCert,
  HttpConnectionManager_CodecType as CodecType,
} from '@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import type { AccessLogLevel } from '../model/access-log.ts';
import type { MeshSettings } from '../model/mesh.ts';
import { requestHeadersMs } from './connection-limits.ts';
import { httpConnectionManager } from './http-connection-manager.ts';
import { denyByDefault, fault, grpcStats, localRateLimit, refusal, wholeAnswers } from './http-filters.ts';
import type { InboundRule } from './inbound-rule.ts';
import { inboundReplies, outboundReplies } from './local-reply.ts';
import { deliveredHeader, filters, inboundName } from './names.ts';
import { plainConnections, plainRequests } from './refused-log.ts';
import { openHost } from './route-open.ts';
import { contractCounters, markObjective } from './stats-log.ts';
import { tcpProxy } from './tcp-proxy.ts';
import { downstreamTls, type PeerName } from './tls-context.ts';
import { typedConfig } from './typed-config.ts';

/** What the chains of one inbound listener have alike. */
export interface InboundChain {
  readonly settings: MeshSettings;
  /** The route configuration. */
  readonly routes: string;
  /** The name under which its spans appear. */
  readonly serviceName: string;
  /** Which of its calls get a line. */
  readonly accessLog: AccessLogLevel;
  /** Its name, where a listener chooses between several. */
  readonly name?: string;
}

/** HTTP of the mesh: mTLS with anybody in the trust domain, the caller's identity in x-forwarded-client-cert; routes say who may call. */
export function inboundHttp({ settings, routes, serviceName, accessLog, name }: InboundChain): FilterChain {
  return create(FilterChainSchema, {
    ...(name === undefined ? {} : { name }),
    transportSocket: downstreamTls(settings.trustDomain),
    filters: [
      httpConnectionManager({
        direction: 'inbound',
        routes,
        serviceName,
        accessLog,
        ...(settings.tracing ? { tracing: settings.tracing } : {}),
        filters: [grpcStats, markObjective, denyByDefault, localRateLimit, fault, wholeAnswers],
        replies: inboundReplies,
        counters: contractCounters,
        more: {
          codecType: CodecType.HTTP2,
          forwardClientCertDetails: ClientCert.SANITIZE_SET,
          setCurrentClientCertDetails: { uri: true },
          // A connection must not live on certificates that have ended.
          commonHttpProtocolOptions: {
            maxConnectionDuration: durationFromMs(settings.certificateLifetimeMs),
          },
          requestHeadersTimeout: durationFromMs(requestHeadersMs),
          skipXffAppend: true,
        },
      }),
    ],
  });
}

/** TCP of the mesh: the handshake itself admits `peers` and nobody else, since a server that speaks first would not wait. */
export function inboundTcp(
  settings: MeshSettings,
  port: number,
  peers: readonly PeerName[],
  name?: string,
): FilterChain {
  const cluster = inboundName(port);
  return create(FilterChainSchema, {
    ...(name === undefined ? {} : { name }),
    transportSocket: downstreamTls(settings.trustDomain, peers),
    transportSocketConnectTimeout: durationFromMs(10_000),
    filters: [
      tcpProxy({
        cluster,
        countedAs: cluster.replaceAll('|', '_'),
        direction: 'inbound',
        maxDurationMs: settings.certificateLifetimeMs,
      }),
    ],
  });
}

/** HTTP in plain text: every request is refused, in the words of the control plane, which knows who is at an address. */
export function inboundPlainHttp({
  settings,
  serviceName,
  accessLog,
  name,
}: Omit<InboundChain, 'routes'>): FilterChain {
  return create(FilterChainSchema, {
    ...(name === undefined ? {} : { name }),
    filters: [
      httpConnectionManager({
        direction: 'inbound',
        routes: 'inbound|plain',
        serviceName,
        accessLog,
        ...(settings.tracing ? { tracing: settings.tracing } : {}),
        filters: [refusal],
        replies: outboundReplies,
        more: {
          codecType: CodecType.AUTO,
          forwardClientCertDetails: ClientCert.SANITIZE,
          commonHttpProtocolOptions: { idleTimeout: durationFromMs(60_000), maxHeadersCount: 100 },
          requestHeadersTimeout: durationFromMs(requestHeadersMs),
          routeSpecifier: { case: 'routeConfig', value: refuseAll },
          skipXffAppend: true,
        },
      }),
    ],
  });
}

/** Plain text that is taken: from anybody, without an identity, and told to the control plane. */
export function inboundPlainTaken(
  settings: MeshSettings,
  { port, protocol }: Pick<InboundRule, 'port' | 'protocol'>,
  serviceName: string,
  name: string,
): FilterChain {
  const cluster = inboundName(port.listen.port);
  if (protocol === 'tcp') {
    const countedAs = `plain_${port.listen.port}`;
    return create(FilterChainSchema, {
      name,
      filters: [tcpProxy({ cluster, countedAs, direction: 'inbound', told: plainConnections })],
    });
  }
  return create(FilterChainSchema, {
    name,
    filters: [
      httpConnectionManager({
        direction: 'inbound',
        routes: name,
        serviceName,
        // They have a log of their own.
        accessLog: 'off',
        ...(settings.tracing ? { tracing: settings.tracing } : {}),
        filters: [],
        replies: outboundReplies,
        more: {
          codecType: CodecType.AUTO,
          forwardClientCertDetails: ClientCert.SANITIZE,
          accessLog: [...plainRequests.logs],
          accessLogOptions: plainRequests.options,
          routeSpecifier: {
            case: 'routeConfig',
            value: create(RouteConfigurationSchema, {
              name,
              virtualHosts: [openHost(name, ['*'], cluster, serviceName)],
              responseHeadersToRemove: [deliveredHeader],
            }),
          },
          skipXffAppend: true,
        },
      }),
    ],
  });
}

/** What the control plane reads from a question about a call in plain text. */
export const plainTextKey = 'plain';

const refuseAll = create(RouteConfigurationSchema, {
  name: 'inbound|plain',
  virtualHosts: [
    {
      name: 'refused',
      domains: ['*'],
      routes: [
        create(RouteSchema, {
          name: 'refused',
          match: { pathSpecifier: { case: 'prefix', value: '/' } },
          typedPerFilterConfig: {
            [filters.extAuthz]: typedConfig(ExtAuthzPerRouteSchema, {
              override: { case: 'checkSettings', value: { contextExtensions: { [plainTextKey]: 'true' } } },
            }),
          },
          action: { case: 'directResponse', value: { status: 403 } },
        }),
      ],
    },
  ],
});
