import { create } from '@bufbuild/protobuf';
import { RouteConfigurationSchema } from '@weft/envoy-api/envoy/config/route/v3/route';
import type { LogicalName } from '../model/mesh.ts';
import type { Service } from '../model/service.ts';
import { encodeResource } from './encode.ts';
import { sidecarHeaders } from './names.ts';
import { type Resource, typeUrls } from './resource.ts';
import { type Callee, callRoute } from './route-call.ts';
import { refusedRoute } from './route-outbound.ts';

/** Where calls go to the replica of a service that the application has chosen. `name`: of the cluster and of the routes. */
export function directRoutes(
  { methods, id, logicalName }: Pick<Service, 'id' | 'logicalName' | 'methods'>,
  callers: readonly LogicalName[],
  name: string,
): Resource {
  const callee: Callee = { id, ...(logicalName === undefined ? {} : { logicalName }) };
  const routes = [...methods.values()]
    .filter((method) => callers.some((caller) => method.callers.has(caller)))
    .map((method) => callRoute(method, callee, name, undefined));
  const configuration = create(RouteConfigurationSchema, {
    name,
    virtualHosts: [{ name: id, domains: ['*'], routes: [...routes, refusedRoute] }],
    responseHeadersToRemove: [...sidecarHeaders],
  });
  return encodeResource(typeUrls.route, name, RouteConfigurationSchema, configuration);
}
