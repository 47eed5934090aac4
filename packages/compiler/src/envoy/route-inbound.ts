import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { HeaderValueOption_HeaderAppendAction as AppendAction } from '@weft/envoy-api/envoy/config/core/v3/base';
import { RouteConfigurationSchema } from '@weft/envoy-api/envoy/config/route/v3/route';
import { type Route, type RouteMatchSchema, RouteSchema } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import type { ContractVersion } from '../model/contract.ts';
import { identitiesByName, sharedAccountWords } from '../model/identities.ts';
import type { Mesh } from '../model/mesh.ts';
import { admission, isOwnPath, type Method } from '../model/method.ts';
import { slowMetadata } from './access-log.ts';
import { encodeResource } from './encode.ts';
import { faultFilter, faultHeader } from './fault.ts';
import { enabled, turnedOff } from './http-filters.ts';
import { calleeKey, refusalKey } from './local-reply.ts';
import { callerHeader, deliveredHeader, failureHeader, filters, inboundName, metadataNamespace } from './names.ts';
import { applicationOutcome, codeOutcome } from './outcome.ts';
import { rateLimits } from './rate-limit.ts';
import { admit, admittedName } from './rbac.ts';
import { type Resource, typeUrls } from './resource.ts';
import { ambiguousPath, exactHeader, judgedMatches } from './route-match.ts';
import { routeTimes } from './route-time.ts';
import { objectiveKey } from './stats-log.ts';

/** What the routes of an inbound port depend on besides its contract version. */
export interface InboundRoutes {
  readonly name: string;
  /** The proxy's own port. */
  readonly port: number;
  /** At least those of everybody whom the version names. */
  readonly identities: Pick<Mesh, 'identities' | 'sharedIdentities'>;
  /** The application calls other services, so that it may pass on a failure of theirs. */
  readonly callsOthers: boolean;
}

/** Which calls a sidecar passes on to its application: those that the application's own contract version admits. */
export function inboundRoutesResource(
  { name, port, identities, callsOthers }: InboundRoutes,
  version: Pick<ContractVersion, 'logicalName' | 'methods'> | undefined,
): Resource {
  const methods = [...(version?.methods.values() ?? [])];
  const open = methods.some(({ path }) => path.endsWith('/*'));
  const routes = create(RouteConfigurationSchema, {
    name,
    virtualHosts: [
      {
        name,
        domains: ['*'],
        routes: [
          ...(distinguishes(methods) ? [ambiguous(methods)] : []),
          ...methods.flatMap((method) =>
            judgedMatches(method, open).flatMap((match) =>
              methodRoutes(match, method, version?.logicalName ?? '', identities, port, callsOthers),
            ),
          ),
          nobody(
            version === undefined
              ? 'this replica, which has no contract'
              : 'this method; its contract has no such method',
          ),
        ],
      },
    ],
    // Only a sidecar may say that a call was never delivered. What routes add, they add before.
    responseHeadersToRemove: [deliveredHeader, failureHeader],
  });
  return encodeResource(typeUrls.route, name, RouteConfigurationSchema, routes);
}

/** A method's route, and before it those of calls that ask for a fault. */
function methodRoutes(...given: Parameters<typeof methodRoute>): Route[] {
  const [, method] = given;
  const faulty = (method.faults ?? []).map((fault) => {
    const route = methodRoute(...given);
    route.typedPerFilterConfig[filters.fault] = faultFilter(fault);
    if (route.match) route.match.headers = [exactHeader(faultHeader, fault.name)];
    // Envoy adds a route's headers to its own answers too.
    if (fault.abort) route.responseHeadersToAdd = [codeOutcome(fault.abort)];
    return route;
  });
  return [...faulty, methodRoute(...given)];
}

function methodRoute(
  match: MessageInitShape<typeof RouteMatchSchema>,
  method: Method,
  callee: string,
  identities: Pick<Mesh, 'identities' | 'sharedIdentities'>,
  port: number,
  callsOthers: boolean,
): Route {
  const limits = rateLimits(method, identities);
  return create(RouteSchema, {
    name: method.path,
    match,
    metadata: metadata({
      [refusalKey]: `${method.path.slice(1)}; ${admission(method)}${sharedAccountWords(method.callers, identities)}`,
      [calleeKey]: callee,
      ...slowMetadata(method),
      ...(method.objective === undefined ? {} : { [objectiveKey]: `${method.objective.withinMs / 1000}s` }),
    }),
    typedPerFilterConfig: {
      [filters.grpcStats]: enabled,
      [filters.rbac]: admit(
        identitiesByName(method.callers, identities),
        method.shadow && identitiesByName(method.shadow, identities),
      ),
      ...(method.objective ? { [filters.objective]: enabled } : {}),
      ...(limits ? { [filters.localRateLimit]: limits.filter } : {}),
      ...(method.kind === 'unary' && method.retry ? { [filters.wholeAnswers]: enabled } : {}),
    },
    ...(method.retry === undefined ? {} : { responseHeadersToAdd: [applicationOutcome(callsOthers)] }),
    requestHeadersToAdd: [
      { header: { key: callerHeader, value: admittedName }, appendAction: AppendAction.OVERWRITE_IF_EXISTS_OR_ADD },
      // The application learns how long the mesh will wait, also from callers that did not say.
      ...(method.deadlineMs === undefined
        ? []
        : [
            {
              header: { key: 'grpc-timeout', value: grpcTimeout(method.deadlineMs) },
              appendAction: AppendAction.ADD_IF_ABSENT,
            },
          ]),
    ],
    action: {
      case: 'route',
      value: {
        clusterSpecifier: { case: 'cluster', value: inboundName(port) },
        ...routeTimes(method),
        ...(limits ? { rateLimits: limits.actions } : {}),
        retryPolicy: {
          retryOn: 'connect-failure,refused-stream',
          numRetries: 2,
          retryBackOff: { baseInterval: durationFromMs(10), maxInterval: durationFromMs(50) },
        },
      },
    },
  });
}

/** Whether one path may be open while another is closed; of contracts none is below another. */
function distinguishes(methods: readonly Method[]): boolean {
  return methods.some((method) => isOwnPath(method) && method.path !== '/*');
}

function ambiguous(methods: readonly Method[]): Route {
  const body = 'weft: servers read this path in different ways; spell it without escaped slashes, ";", "\\" or "%25"';
  return create(RouteSchema, {
    name: 'ambiguous path',
    match: ambiguousPath(methods),
    typedPerFilterConfig: { [filters.rbac]: turnedOff },
    action: {
      case: 'directResponse',
      value: { status: 400, body: { specifier: { case: 'inlineString', value: body } } },
    },
  });
}

/** As gRPC writes it in a header: at most eight digits and a unit. */
function grpcTimeout(timeoutMs: number): string {
  return timeoutMs < 100_000_000 ? `${timeoutMs}m` : `${Math.ceil(timeoutMs / 1000)}S`;
}

function nobody(refusal: string): Route {
  return create(RouteSchema, {
    name: 'refused',
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    metadata: metadata({ [refusalKey]: refusal }),
    typedPerFilterConfig: { [filters.rbac]: admit(new Map()) },
    action: { case: 'directResponse', value: { status: 403 } },
  });
}

function metadata(words: Record<string, string>) {
  return { filterMetadata: { [metadataNamespace]: words } };
}
