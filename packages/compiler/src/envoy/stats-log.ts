import { create, type JsonObject } from '@bufbuild/protobuf';
import {
  type AccessLog,
  type AccessLogFilter,
  AccessLogSchema,
  GrpcStatusFilter_Status as Status,
} from '@weft/envoy-api/envoy/config/accesslog/v3/accesslog';
import { TypedStructSchema } from '@weft/envoy-api/xds/type/v3/typed_struct';
import { shadowDenied } from './access-log.ts';
import {
  anyOf,
  everyOf,
  grpcStatus,
  httpStatusFrom,
  isGrpc,
  lastedFrom,
  matching,
  metadataText,
} from './log-filters.ts';
import { filters, metadataNamespace } from './names.ts';
import { typedConfig } from './typed-config.ts';

/** Metadata of inbound routes: the time in which a good call ends, as "0.25s". */
export const objectiveKey = 'objective';

const hasObjective = metadataText(filters.objective, objectiveKey, 'yes');

/** Takes no call that Envoy counts as lasting no millisecond, since no objective is shorter. */
const tooLate = everyOf(
  lastedFrom(1),
  matching(
    `request.duration > duration(xds.route_metadata.filter_metadata['${metadataNamespace}']['${objectiveKey}'])`,
  ),
);

const serverFailed = anyOf(
  httpStatusFrom(500),
  everyOf(
    isGrpc,
    grpcStatus([Status.UNKNOWN, Status.DEADLINE_EXCEEDED, Status.INTERNAL, Status.UNAVAILABLE, Status.DATA_LOSS]),
  ),
);

/** Marks the calls of routes that turn it on, for the counters: reading a route's own metadata takes an expression, and this does not. */
export const markObjective = {
  name: filters.objective,
  disabled: true,
  configType: {
    case: 'typedConfig' as const,
    // Its protobuf is in no package that we have, and Envoy takes any extension in this form too.
    value: typedConfig(TypedStructSchema, {
      typeUrl: 'type.googleapis.com/envoy.extensions.filters.http.set_metadata.v3.Config',
      // A namespace of its own: the filter leaves alone one that has something already.
      value: { metadata: [{ metadata_namespace: filters.objective, value: { [objectiveKey]: 'yes' } }] },
    }),
  },
};

/**
 * Counters that follow contracts without a change of the listener; their tags are bounded by the contracts' methods and callers.
 *
 *     weft_objective_calls{method}        calls of methods with an objective
 *     weft_objective_missed{method}       those that did not end in its time, or ended with an error of the server's
 *     weft_shadow_denied{method,caller}   calls that the shadow of a contract would refuse; the caller by its SPIFFE ID
 *
 * Good calls are by far the most, so it is the others that are counted: a good one that is fast costs one counter and no expression.
 */
export const contractCounters: readonly AccessLog[] = [
  counter('objective_calls', { method: '%ROUTE_NAME%' }, hasObjective),
  counter('objective_missed', { method: '%ROUTE_NAME%' }, everyOf(hasObjective, anyOf(serverFailed, tooLate))),
  counter('shadow_denied', { method: '%ROUTE_NAME%', caller: '%DOWNSTREAM_PEER_URI_SAN%' }, shadowDenied),
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
