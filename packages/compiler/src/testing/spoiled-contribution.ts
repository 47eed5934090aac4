import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { RouteConfigurationSchema } from '@weft/envoy-api/envoy/config/route/v3/route';
import { RouteSchema, VirtualHostSchema } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { type Contribution, versionOfPart } from '../envoy/contribution.ts';
import { hostField } from '../envoy/route-outbound.ts';

/** A route that Envoy refuses, and with it all of its route configuration. */
const refusedByEnvoy = create(RouteSchema, {
  name: 'spoiled',
  match: { pathSpecifier: { case: 'safeRegex', value: { regex: '(' } } },
  action: { case: 'directResponse', value: { status: 404 } },
});

/** Whether a contribution has a text in it, as the path of a method. */
export function says({ said }: Contribution, text: string): boolean {
  const bytes = 'host' in said ? said.host : said.gateway.calls;
  return Buffer.from(bytes).includes(text);
}

/** The same contribution with a route that Envoy refuses, as a bug of the compiler would make it. */
export function spoiled(contribution: Contribution): Contribution {
  const { said } = contribution;
  if ('host' in said) {
    const [host] = fromBinary(RouteConfigurationSchema, said.host).virtualHosts;
    if (host === undefined) throw new Error('a contribution without a virtual host');
    host.routes.push(refusedByEnvoy);
    const field = hostField(host);
    return { ...contribution, version: versionOfPart(field), said: { host: field } };
  }
  const more = toBinary(VirtualHostSchema, create(VirtualHostSchema, { routes: [refusedByEnvoy] }));
  const gateway = { ...said.gateway, calls: Buffer.concat([said.gateway.calls, more]) };
  return { ...contribution, version: versionOfPart(gateway), said: { gateway } };
}
