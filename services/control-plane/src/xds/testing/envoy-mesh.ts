import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRegistry, type DescMessage, fromJson, type JsonObject, toBinary } from '@bufbuild/protobuf';
import type { Resource, TypeUrl } from '@weft/compiler/envoy/resource';
import { typeUrls } from '@weft/compiler/envoy/resource';
import { ClusterSchema } from '@weft/envoy-api/envoy/config/cluster/v3/cluster';
import { ClusterLoadAssignmentSchema } from '@weft/envoy-api/envoy/config/endpoint/v3/endpoint';
import { ListenerSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import { RouteConfigurationSchema } from '@weft/envoy-api/envoy/config/route/v3/route';
import { RouterSchema } from '@weft/envoy-api/envoy/extensions/filters/http/router/v3/router';
import { HttpConnectionManagerSchema } from '@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { freePorts } from '../../on-envoy/testing/free-ports.ts';
import { resourceOf } from './resources.ts';

const registry = createRegistry(HttpConnectionManagerSchema, RouterSchema);
const ads = { ads: {}, resourceApiVersion: 'V3' };
const typeOf = (message: string) => `type.googleapis.com/envoy.extensions.filters.${message}`;

function encoded(typeUrl: TypeUrl, name: string, schema: DescMessage, json: JsonObject): Resource {
  return resourceOf(typeUrl, name, toBinary(schema, fromJson(schema, json, { registry })));
}

/** A cluster that a real Envoy takes; its endpoints come from EDS under its name. */
export function realCluster(name: string, connectTimeout = '1s', more: JsonObject = {}): Resource {
  const edsClusterConfig = { edsConfig: ads };
  return encoded(typeUrls.cluster, name, ClusterSchema, {
    name,
    type: 'EDS',
    connectTimeout,
    edsClusterConfig,
    ...more,
  });
}

/** Endpoints on 127.0.0.1. */
export function realEndpoints(clusterName: string, ...ports: number[]): Resource {
  const lbEndpoints = ports.map((portValue) => ({
    endpoint: { address: { socketAddress: { address: '127.0.0.1', portValue } } },
  }));
  return encoded(typeUrls.endpoints, clusterName, ClusterLoadAssignmentSchema, {
    clusterName,
    endpoints: [{ locality: { zone: 'here' }, loadBalancingWeight: 1, lbEndpoints }],
  });
}

function connectionManager(statPrefix: string, routes: string): JsonObject {
  return {
    '@type': typeOf('network.http_connection_manager.v3.HttpConnectionManager'),
    statPrefix,
    rds: { routeConfigName: routes, configSource: ads },
    httpFilters: [{ name: 'router', typedConfig: { '@type': typeOf('http.router.v3.Router') } }],
  };
}

/** An HTTP listener with the routes of `routes`. */
export function realListener(name: string, port: number, routes: string, statPrefix = name): Resource {
  return encoded(typeUrls.listener, name, ListenerSchema, {
    name,
    address: { socketAddress: { address: '127.0.0.1', portValue: port } },
    filterChains: [
      {
        filters: [{ name: 'http', typedConfig: connectionManager(statPrefix, routes) }],
      },
    ],
  });
}

/** The listener that a gRPC client asks for by the name of its target. */
export function apiListener(name: string, routes: string): Resource {
  return encoded(typeUrls.listener, name, ListenerSchema, {
    name,
    apiListener: { apiListener: connectionManager(name, routes) },
  });
}

/** All calls to one cluster; without domains Envoy refuses it. */
export function realRoute(name: string, cluster: string, domains: readonly string[] = ['*']): Resource {
  return encoded(typeUrls.route, name, RouteConfigurationSchema, {
    name,
    virtualHosts: [
      { name: 'all', domains: [...domains], routes: [{ match: { prefix: '/' }, route: { cluster, timeout: '0s' } }] },
    ],
  });
}

/** A bootstrap of an Envoy with ADS as its only source. */
export function bootstrap(options: {
  readonly id: string;
  readonly apiType: 'DELTA_GRPC' | 'GRPC';
  readonly adminSocket: string;
  readonly xdsPort: number;
  readonly rootPem: string;
  readonly serverName: string;
}) {
  return {
    node: { id: options.id, cluster: 'test' },
    admin: { address: { pipe: { path: options.adminSocket, mode: 0o600 } } },
    dynamic_resources: {
      ads_config: {
        api_type: options.apiType,
        transport_api_version: 'V3',
        grpc_services: [
          {
            envoy_grpc: { cluster_name: 'xds' },
            initial_metadata: [{ key: 'authorization', value: `Bearer ${options.id}` }],
          },
        ],
      },
      cds_config: { ads: {}, resource_api_version: 'V3' },
      lds_config: { ads: {}, resource_api_version: 'V3' },
    },
    static_resources: {
      clusters: [
        {
          name: 'xds',
          type: 'STATIC',
          connect_timeout: '1s',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: 'xds',
            endpoints: [
              {
                lb_endpoints: [
                  {
                    endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: options.xdsPort } } },
                  },
                ],
              },
            ],
          },
          transport_socket: {
            name: 'tls',
            typed_config: {
              '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
              sni: options.serverName,
              common_tls_context: {
                alpn_protocols: ['h2'],
                validation_context: {
                  trusted_ca: { inline_string: options.rootPem },
                  match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: options.serverName } }],
                },
              },
            },
          },
        },
      ],
    },
  };
}

/** An application that answers every call with its name. */
export async function startApplication(name: string): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer((_, response) => void response.end(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: portOf(server.address()),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** The status and body of a GET; "refused" when nobody listens. */
export function call(port: number): Promise<string> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve(`${response.statusCode} ${body}`));
      response.on('error', () => resolve('reset'));
    });
    request.on('error', () => resolve('refused'));
  });
}

/** Waits until `probe` gives what is true, for at most 20 s; gives the last that it gave. */
export async function eventually<T>(probe: () => T | Promise<T>, accept: (value: T) => boolean): Promise<T> {
  const end = Date.now() + 20_000;
  for (;;) {
    const value = await probe();
    if (accept(value) || Date.now() > end) return value;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
