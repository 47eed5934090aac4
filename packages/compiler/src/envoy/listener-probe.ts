import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { ListenerSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import { RouteConfigurationSchema } from '@weft/envoy-api/envoy/config/route/v3/route';
import { RouterSchema } from '@weft/envoy-api/envoy/extensions/filters/http/router/v3/router';
import { HttpConnectionManagerSchema } from '@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { encodeResource } from './encode.ts';
import { filters } from './names.ts';
import { type Resource, typeUrls } from './resource.ts';
import { extension } from './typed-config.ts';

const probePrefix = 'weft-probe|';

/** Whether a listener only tries routes. */
export function isProbe(name: string): boolean {
  return name.startsWith(probePrefix);
}

/**
 * A listener without a port that holds these routes inline. Envoy judges them as it would judge the route configuration, but whatever
 * the verdict, no call ever sees them. `serial`: tells apart the probes of a proxy.
 */
export function probeListener(serial: number, routes: Resource): Resource {
  const { routeConfig } = HttpConnectionManagerSchema.field;
  // As in a route configuration that comes by itself, a cluster may be missing.
  const inline = Buffer.concat([
    routes.body,
    toBinary(RouteConfigurationSchema, create(RouteConfigurationSchema, { validateClusters: false })),
  ]);
  const manager = Buffer.concat([
    toBinary(
      HttpConnectionManagerSchema,
      create(HttpConnectionManagerSchema, {
        statPrefix: 'weft_probe',
        httpFilters: [extension(filters.router, RouterSchema, {})],
      }),
    ),
    new BinaryWriter().tag(routeConfig.number, WireType.LengthDelimited).bytes(inline).finish(),
  ]);
  const typeUrl = `type.googleapis.com/${HttpConnectionManagerSchema.typeName}`;
  const name = `${probePrefix}${serial}`;
  const listener = create(ListenerSchema, {
    name,
    address: {
      address: {
        case: 'socketAddress',
        value: { address: '127.255.255.254', portSpecifier: { case: 'portValue', value: 1 + (serial % 65_000) } },
      },
    },
    bindToPort: false,
    filterChains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            configType: { case: 'typedConfig', value: create(AnySchema, { typeUrl, value: manager }) },
          },
        ],
      },
    ],
  });
  return encodeResource(typeUrls.listener, name, ListenerSchema, listener);
}
