import type { Cluster } from '@weft/envoy-api/envoy/config/cluster/v3/cluster';
import type { Listener } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import { LuaPerRouteSchema, LuaSchema } from '@weft/envoy-api/envoy/extensions/filters/http/lua/v3/lua';
import { extension, typedConfig } from '../envoy/typed-config.ts';
import { staticCluster } from './bootstrap-clusters.ts';
import { exactly, plainListener, withQuery } from './bootstrap-plain-http.ts';
import { readyPort } from './ports.ts';

/** The cluster of Envoy's own admin interface. */
export const adminCluster = 'admin';

/** Where Envoy's admin interface is: mode 0600, in a directory that only the proxy has. */
export const adminSocket = '/var/run/weft/admin/admin.sock';

const lua = 'envoy.filters.http.lua';

/**
 * Of Envoy's admin interface, what others may see: GET /ready and GET /stats/prometheus.
 *
 * `guard` is Lua that may answer GET /ready itself, see bootstrap-exposure.ts; absent: only Envoy is asked.
 */
export function readyListener(guard?: string): { listener: Listener; cluster: Cluster } {
  const toAdmin = { case: 'route', value: { clusterSpecifier: { case: 'cluster', value: adminCluster } } } as const;
  const listener = plainListener({
    name: 'ready',
    port: readyPort,
    codec: 'http1',
    filters: guard === undefined ? [] : [extension(lua, LuaSchema, {})],
    routes: [
      {
        match: exactly('GET', '/ready'),
        action: toAdmin,
        ...(guard === undefined
          ? {}
          : {
              typedPerFilterConfig: {
                [lua]: typedConfig(LuaPerRouteSchema, {
                  override: { case: 'sourceCode', value: { specifier: { case: 'inlineString', value: guard } } },
                }),
              },
            }),
      },
      // Its query says which statistics, as ?usedonly.
      { match: withQuery('GET', '/stats/prometheus'), action: toAdmin },
    ],
  });
  return { listener, cluster: staticCluster(adminCluster, { unixSocket: adminSocket }) };
}
