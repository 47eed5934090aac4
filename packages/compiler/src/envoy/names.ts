import type { ServiceId } from '../model/mesh.ts';
import { idOf } from '../model/names.ts';
import type { Workload } from '../model/workload.ts';

// Names of resources. They are stable: a rename drains connections.

/** The bootstrap's cluster of the control plane. */
export const controlPlaneCluster = 'xds';
/** The cluster of the trace collector. */
export const tracingCluster = 'tracing';
/** The secret with a proxy's own certificate. */
export const identitySecret = 'identity';
/** The secret with the mesh's root certificates. */
export const rootSecret = 'root';
/** The listener and route configuration for a proxy's own application. */
export const outboundName = 'outbound';

/** The cluster and endpoints of a service, the same for all its callers; `port`: one besides the main port. */
export function serviceCluster(id: ServiceId, port?: number): string {
  return port === undefined ? `outbound|${id}` : `outbound|${id}|${port}`;
}

/** The cluster, and for HTTP the routes, of those replicas of a headless service that the application chooses. */
export function directCluster(id: ServiceId, port: number): string {
  return `direct|${id}|${port}`;
}

/** The service of a `serviceCluster` or a `directCluster`; "" for any other name. */
export function serviceOfCluster(name: string): ServiceId | '' {
  const [, id] = /^(?:outbound|direct)\|([^|]+\/[^|]+)/.exec(name) ?? [];
  return id === undefined ? '' : idOf(id);
}

/** The cluster of a sidecar's own outbound listener. */
export const againCluster = 'again';

/** Counts how often a sidecar has sent a call to itself again: "1,1" is twice. No application sees it. */
export const againHeader = 'x-weft-again';

/**
 * The port that a redirected call was made to, until the call leaves the caller's proxy for good. The name begins as `againHeader`, so
 * that the callee's proxy drops both.
 */
export const calledPortHeader = `${againHeader}-port`;

/** The cluster of wherever an application wanted to go. */
export const passThroughCluster = 'pass-through';

/** The listener of a pod's redirected calls from others. */
export const interceptedInboundName = 'inbound';

/** The listener of an inbound port and the cluster of the application behind it. */
export function inboundName(port: number): string {
  return `inbound|${port}`;
}

/** The route configuration of an inbound port. */
export function inboundRoutes(owner: ServiceId | Workload['id'], port: number): string {
  return `inbound|${owner}|${port}`;
}

/** The listener and route configuration of a gateway. */
export function gatewayName(name: string): string {
  return `gateway|${name}`;
}

/** HTTP filters, by the names under which routes configure them. */
export const filters = {
  buffer: 'envoy.filters.http.buffer',
  brokenAnswers: 'weft.broken_answers',
  endInBody: 'envoy.filters.http.grpc_web',
  grpcWeb: 'weft.grpc_web',
  grpcWebStatus: 'weft.grpc_web_status',
  plainAnswers: 'weft.plain_answers',
  cors: 'envoy.filters.http.cors',
  declaredContent: 'weft.declared_content',
  fault: 'envoy.filters.http.fault',
  extAuthz: 'envoy.filters.http.ext_authz',
  grpcStats: 'envoy.filters.http.grpc_stats',
  lua: 'envoy.filters.http.lua',
  meshHeaders: 'envoy.filters.http.header_mutation',
  objective: 'weft.objective',
  localRateLimit: 'envoy.filters.http.local_ratelimit',
  rbac: 'envoy.filters.http.rbac',
  router: 'envoy.filters.http.router',
  spanTrace: 'weft.span_trace',
  traceId: 'weft.trace_id',
  transcoder: 'envoy.filters.http.grpc_json_transcoder',
  wholeAnswers: 'weft.whole_answers',
} as const;

/** The namespace of our own metadata on routes and endpoints. */
export const metadataNamespace = 'weft';

/** Of headers and trailers that only sidecars and applications of a mesh may say. */
export const meshHeaderPrefix = 'x-weft-';

/** Tells a caller's sidecar that a call has not reached the application, so that any method may be tried again. */
export const deliveredHeader = 'x-weft-delivered';

/** How the callee's sidecar says a call ended, for the caller's sidecar alone: "200/14/own". */
export const outcomeHeader = 'x-weft-outcome';

/**
 * How an application says whose failure it answers with: "own", which one that calls others does not only pass on, or "late": the
 * deadline has passed.
 */
export const failureHeader = 'x-weft-failure';

/** Names the trace of a call in each error answer, also to callers outside; the service kit sets it, too. */
export const traceIdHeader = 'weft-trace-id';

/** Between two filters of one proxy: the trace of its span. */
export const spanTraceHeader = 'x-weft-span-trace';

/** Set by a gateway: the address of the client outside. */
export const clientAddressHeader = 'x-weft-client-address';

/** Set by the callee's sidecar: the logical name under which the contract admits the caller. */
export const callerHeader = 'x-weft-caller';

/** What sidecars say to one another in answers; neither applications nor callers outside see it. */
export const sidecarHeaders: readonly string[] = [deliveredHeader, outcomeHeader, failureHeader];
