import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findEnvoy, type RunningEnvoy, startEnvoy } from '@weft/dev-envoy';
import { createBenchRoot } from './certificates.ts';

/** Two Envoys with the least that gives strict mTLS between them, and no control plane. */
export interface StaticSidecars {
  readonly envoys: readonly RunningEnvoy[];
  stop(): Promise<void>;
}

/** Where they listen and whom they serve: ports of 127.0.0.1, and the application's unix socket. */
export interface StaticPlan {
  readonly dir: string;
  readonly outbound: number;
  readonly inbound: number;
  readonly application: string;
}

/**
 * Starts the baseline of sidecar.ts: one route, no access log, no statistics by method, no authorization, no retries, no deadline;
 * TLS 1.3 with P-256 certificates whose SPIFFE names both sides check, as in the mesh.
 */
export async function startStaticSidecars({
  dir,
  outbound,
  inbound,
  application,
}: StaticPlan): Promise<StaticSidecars> {
  await mkdir(dir, { recursive: true });
  const root = createBenchRoot();
  await writeFile(join(dir, 'root.pem'), root.pem);
  const names = { caller: 'spiffe://static/caller', callee: 'spiffe://static/callee' };
  const tls = async (own: keyof typeof names, peer: keyof typeof names) => {
    const { cert, key } = root.certify({ uris: [names[own]] });
    await writeFile(join(dir, `${own}.pem`), cert);
    await writeFile(join(dir, `${own}.key`), key, { mode: 0o600 });
    return {
      tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
      alpn_protocols: ['h2'],
      tls_certificates: [
        {
          certificate_chain: { filename: join(dir, `${own}.pem`) },
          private_key: { filename: join(dir, `${own}.key`) },
        },
      ],
      validation_context: {
        trusted_ca: { filename: join(dir, 'root.pem') },
        match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: names[peer] } }],
      },
    };
  };
  const caller = bootstrap({
    admin: join(dir, 'caller.admin'),
    listen: outbound,
    to: { socket_address: { address: '127.0.0.1', port_value: inbound } },
    upstreamTls: await tls('caller', 'callee'),
  });
  const callee = bootstrap({
    admin: join(dir, 'callee.admin'),
    listen: inbound,
    to: { pipe: { path: application } },
    downstreamTls: await tls('callee', 'caller'),
  });
  const { path } = await findEnvoy();
  const envoys = await Promise.all([
    startEnvoy({ envoy: path, bootstrap: callee, dir: join(dir, 'callee') }),
    startEnvoy({ envoy: path, bootstrap: caller, dir: join(dir, 'caller') }),
  ]);
  return { envoys, stop: async () => void (await Promise.all(envoys.map((envoy) => envoy.kill()))) };
}

interface Hop {
  readonly admin: string;
  readonly listen: number;
  readonly to: object;
  readonly upstreamTls?: object;
  readonly downstreamTls?: object;
}

function bootstrap({ admin, listen, to, upstreamTls, downstreamTls }: Hop) {
  const type = (name: string) => ({ '@type': `type.googleapis.com/envoy.${name}` });
  const socket = (name: string, context: object) => ({
    transport_socket: {
      name: 'tls',
      typed_config: { ...type(`extensions.transport_sockets.tls.v3.${name}`), ...context },
    },
  });
  const manager = {
    ...type('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'static',
    codec_type: 'HTTP2',
    route_config: {
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, route: { cluster: 'next', timeout: '0s' } }],
        },
      ],
    },
    http_filters: [{ name: 'router', typed_config: type('extensions.filters.http.router.v3.Router') }],
  };
  return {
    admin: { address: { pipe: { path: admin, mode: 0o600 } } },
    static_resources: {
      listeners: [
        {
          name: 'in',
          address: { socket_address: { address: '127.0.0.1', port_value: listen } },
          filter_chains: [
            {
              ...(downstreamTls
                ? socket('DownstreamTlsContext', {
                    require_client_certificate: true,
                    common_tls_context: downstreamTls,
                  })
                : {}),
              filters: [{ name: 'http', typed_config: manager }],
            },
          ],
        },
      ],
      clusters: [
        {
          name: 'next',
          load_assignment: {
            cluster_name: 'next',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: to } }] }],
          },
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              ...type('extensions.upstreams.http.v3.HttpProtocolOptions'),
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          ...(upstreamTls ? socket('UpstreamTlsContext', { common_tls_context: upstreamTls }) : {}),
        },
      ],
    },
  };
}
