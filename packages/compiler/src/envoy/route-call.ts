import { create } from '@bufbuild/protobuf';
import {
  type Route,
  RouteAction_RequestMirrorPolicySchema,
  RouteSchema,
} from '@weft/envoy-api/envoy/config/route/v3/route_components';
import type { ServiceId } from '../model/mesh.ts';
import type { Method } from '../model/method.ts';
import type { Service } from '../model/service.ts';
import { admitsKey } from './endpoints.ts';
import { enabled } from './http-filters.ts';
import { calleeKey } from './local-reply.ts';
import { filters, metadataNamespace, serviceCluster } from './names.ts';
import { retryPolicy } from './retry-policy.ts';
import { exactHeader, pathMatch } from './route-match.ts';
import { routeTimes } from './route-time.ts';

/** What of a service its callers' routes depend on; nothing of its replicas. */
export type Callee = Pick<Service, 'id' | 'logicalName'>;

/** A call asks for a copy to its method's mirror by this header, with the value "on"; callers outside of the mesh cannot. */
export const mirrorHeader = 'x-weft-mirror';

/**
 * The routes of calls to one method, see `callRoute`. With `mirror`, a route for calls that ask for a copy to be sent to that service comes
 * before it.
 */
export function callRoutes(
  method: Method,
  callee: Callee,
  token: string | undefined,
  mirror: ServiceId | undefined,
): Route[] {
  if (mirror === undefined) return [callRoute(method, callee, token)];
  const mirrored = callRoute(method, callee, token);
  if (mirrored.match) mirrored.match.headers = [exactHeader(mirrorHeader, 'on')];
  if (mirrored.action.case === 'route') {
    mirrored.action.value.requestMirrorPolicies = [
      create(RouteAction_RequestMirrorPolicySchema, {
        cluster: serviceCluster(mirror),
        disableShadowHostSuffixAppend: true,
      }),
    ];
  }
  return [mirrored, callRoute(method, callee, token)];
}

/** The route of calls to one method of a service; `token` is the caller's, when only some replicas admit it (see endpoints.ts). */
export function callRoute(method: Method, callee: Callee, token: string | undefined): Route {
  return create(RouteSchema, {
    name: method.path,
    match: pathMatch(method),
    metadata: { filterMetadata: { [metadataNamespace]: { [calleeKey]: callee.logicalName ?? callee.id } } },
    typedPerFilterConfig: { [filters.grpcStats]: enabled },
    action: {
      case: 'route',
      value: {
        clusterSpecifier: { case: 'cluster', value: serviceCluster(callee.id) },
        ...routeTimes(method),
        retryPolicy: retryPolicy(method),
        ...(token === undefined ? {} : { metadataMatch: { filterMetadata: { 'envoy.lb': { [admitsKey]: token } } } }),
        ...(method.hedge ? { hedgePolicy: { hedgeOnPerTryTimeout: true } } : {}),
      },
    },
  });
}
