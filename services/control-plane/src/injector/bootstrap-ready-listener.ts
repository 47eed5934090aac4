import type { SocketAddress } from '@weft/compiler/model/workload';
import { outboundPort, readyPort } from '@weft/compiler/pod/ports';
import type { Cluster } from '@weft/envoy-api/envoy/config/cluster/v3/cluster';
import type { Listener } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import { openPortCheck, staticCluster } from './bootstrap-clusters.ts';
import { exactly, plainListener, withQuery } from './bootstrap-plain-http.ts';
import { routesGuard } from './bootstrap-routes-guard.ts';

/** The cluster of Envoy's own admin interface. */
export const adminCluster = 'admin';

/** Where Envoy's admin interface is: mode 0600, in a directory that only the proxy has. */
export const adminSocket = '/var/run/weft/admin/admin.sock';

/** A route to Envoy's admin interface. */
export const toAdmin = {
  case: 'route',
  value: { clusterSpecifier: { case: 'cluster', value: adminCluster } },
} as const;

const readyCluster = 'ready';

/** A route to Envoy's admin interface that is there once the proxy's listener is open; before that the answer is 503. */
export const toReady = {
  case: 'route',
  value: { clusterSpecifier: { case: 'cluster', value: readyCluster } },
} as const;

/**
 * Of Envoy's admin interface, what others may see: GET /ready and GET /stats/prometheus. `configured`: what is open
 * once the control plane has configured the proxy. It is ready once it holds its routes, too.
 */
export function readyListener(configured: SocketAddress = { host: '127.0.0.1', port: outboundPort }): {
  listener: Listener;
  clusters: Cluster[];
} {
  const listener = plainListener({
    name: 'ready',
    port: readyPort,
    codec: 'http1',
    filters: [routesGuard(adminCluster)],
    routes: [
      { match: exactly('GET', '/ready'), action: toReady },
      // Its query says which statistics, as ?usedonly.
      { match: withQuery('GET', '/stats/prometheus'), action: toAdmin },
    ],
  });
  const admin = { unixSocket: adminSocket };
  // Envoy calls itself live when it has waited long enough. Its outbound listener comes from the control plane, last of all.
  const ready = staticCluster(readyCluster, admin, {
    healthCheck: openPortCheck(10, 1, 200),
    healthCheckAddress: configured,
  });
  return { listener, clusters: [staticCluster(adminCluster, admin), ready] };
}
