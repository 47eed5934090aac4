import { create, type JsonObject } from '@bufbuild/protobuf';
import {
  type AccessLog,
  type AccessLogFilter,
  AccessLogFilterSchema,
  AccessLogSchema,
  GrpcStatusFilter_Status as Status,
} from '@weft/envoy-api/envoy/config/accesslog/v3/accesslog';
import { ExpressionFilterSchema } from '@weft/envoy-api/envoy/extensions/access_loggers/filters/cel/v3/cel';
import { TypedStructSchema } from '@weft/envoy-api/xds/type/v3/typed_struct';
import { filters, metadataNamespace } from './names.ts';
import { extension, typedConfig } from './typed-config.ts';

/** Metadata of inbound routes: the time in which a good call ends, as "0.25s". */
export const objectiveKey = 'objective';

const routeMetadata = `xds.route_metadata.filter_metadata['${metadataNamespace}']`;

/**
 * Counters that follow contracts without a change of the listener; their tags are bounded by the contracts' methods and callers.
 *
 *     weft_objective_calls{method}        calls of methods with an objective
 *     weft_objective_good{method}         those that ended in its time and without an error of the server's
 *     weft_shadow_denied{method,caller}   calls that the shadow of a contract would refuse; the caller by its SPIFFE ID
 */
export const contractCounters: readonly AccessLog[] = [
  counter('objective_calls', { method: '%ROUTE_NAME%' }, matching(`'${objectiveKey}' in ${routeMetadata}`)),
  counter(
    'objective_good',
    { method: '%ROUTE_NAME%' },
    create(AccessLogFilterSchema, {
      filterSpecifier: {
        case: 'andFilter',
        value: {
          filters: [
            matching(`request.duration <= duration(${routeMetadata}['${objectiveKey}'])`),
            create(AccessLogFilterSchema, {
              filterSpecifier: {
                case: 'grpcStatusFilter',
                value: {
                  exclude: true,
                  statuses: [
                    Status.UNKNOWN,
                    Status.DEADLINE_EXCEEDED,
                    Status.INTERNAL,
                    Status.UNAVAILABLE,
                    Status.DATA_LOSS,
                  ],
                },
              },
            }),
          ],
        },
      },
    }),
  ),
  counter(
    'shadow_denied',
    { method: '%ROUTE_NAME%', caller: '%DOWNSTREAM_PEER_URI_SAN%' },
    create(AccessLogFilterSchema, {
      filterSpecifier: {
        case: 'metadataFilter',
        value: {
          matcher: {
            filter: filters.rbac,
            path: [{ segment: { case: 'key', value: 'shadow_engine_result' } }],
            value: {
              matchPattern: { case: 'stringMatch', value: { matchPattern: { case: 'exact', value: 'denied' } } },
            },
          },
          matchIfKeyNotFound: false,
        },
      },
    }),
  ),
];

/** More are not counted one by one: addresses are the application's to choose. */
const maxDestinations = 500;

/**
 *     weft_undeclared_connections{destination}   connections that went, or would have gone, out of the mesh undeclared, by address and port
 *
 * One set for all listeners that a proxy ever has, so that a change of one begins nothing anew.
 */
export const undeclaredConnections: AccessLog = counter(
  'undeclared_connections',
  { destination: '%DOWNSTREAM_LOCAL_ADDRESS%' },
  undefined,
  { max_counters: maxDestinations, sharing_name: 'weft-undeclared' },
);

function counter(
  name: string,
  tags: Readonly<Record<string, string>>,
  filter?: AccessLogFilter,
  scope: JsonObject = {},
): AccessLog {
  // Its protobuf is in no package that we have, and Envoy takes any extension in this form too.
  const value: JsonObject = {
    stats_scope: { prefix: 'weft', ...scope },
    counters: [
      {
        stat: { name, tags: Object.entries(tags).map(([tag, value_format]) => ({ name: tag, value_format })) },
        value_fixed: 1,
      },
    ],
  };
  const typeUrl = 'type.googleapis.com/envoy.extensions.access_loggers.stats.v3.Config';
  return create(AccessLogSchema, {
    name: 'envoy.access_loggers.stats',
    ...(filter ? { filter } : {}),
    configType: { case: 'typedConfig', value: typedConfig(TypedStructSchema, { typeUrl, value }) },
  });
}

function matching(expression: string): AccessLogFilter {
  return create(AccessLogFilterSchema, {
    filterSpecifier: {
      case: 'extensionFilter',
      value: extension('envoy.access_loggers.extension_filters.cel', ExpressionFilterSchema, { expression }),
    },
  });
}
