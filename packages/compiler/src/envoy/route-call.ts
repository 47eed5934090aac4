import { create } from '@bufbuild/protobuf';
import { type Route, RouteSchema } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import type { Method } from '../model/method.ts';
import type { Service } from '../model/service.ts';
import { slowMetadata } from './access-log.ts';
import { admitsKey } from './endpoints.ts';
import { calleeKey } from './local-reply.ts';
import { metadataNamespace } from './names.ts';
import { retryPolicy } from './retry-policy.ts';
import { pathMatch } from './route-match.ts';
import { routeTimes } from './route-time.ts';

/** What of a service its callers' routes depend on; nothing of its replicas. */
export type Callee = Pick<Service, 'id' | 'logicalName'>;

/** The part of a route, or of its share of one cluster, that chooses replicas by a token (see endpoints.ts). */
export function replicasWith(token: string | undefined) {
  return token === undefined ? {} : { metadataMatch: { filterMetadata: { 'envoy.lb': { [admitsKey]: token } } } };
}

/** The route of calls to one method of a service, to a cluster; `token` is the caller's, when only some replicas admit it. */
export function callRoute(method: Method, callee: Callee, cluster: string, token: string | undefined): Route {
  return create(RouteSchema, {
    name: method.path,
    match: pathMatch(method),
    metadata: {
      filterMetadata: {
        [metadataNamespace]: { [calleeKey]: callee.logicalName ?? callee.id, ...slowMetadata(method) },
      },
    },
    action: {
      case: 'route',
      value: {
        clusterSpecifier: { case: 'cluster', value: cluster },
        ...routeTimes(method),
        retryPolicy: retryPolicy(method),
        ...replicasWith(token),
        ...(method.hedge ? { hedgePolicy: { hedgeOnPerTryTimeout: true } } : {}),
      },
    },
  });
}
