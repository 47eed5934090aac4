import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type HeaderMatcherSchema,
  type RouteMatch,
  RouteMatchSchema,
} from '@weft/envoy-api/envoy/config/route/v3/route_components';
import type { StringMatcherSchema } from '@weft/envoy-api/envoy/type/matcher/v3/string';
import type { GrpcMatch, HeaderMatch, PathMatch, RuleMatch, StringMatch } from '../model/route.ts';
import { pathMatch } from './route-match.ts';

/** Some of the calls to a path. */
export interface MatchedCalls {
  readonly match: RouteMatch;
  /** They are all calls to the path. */
  readonly all: boolean;
}

/**
 * Those calls to `path` (a method's: "/a.B/C", or "/v1/*" for all below) that a match of a rule is about, which without one are all;
 * undefined: none. `pattern`: what the request's path, without its query, must match besides.
 */
export function matchedCalls(path: string, match?: RuleMatch, pattern?: string): MatchedCalls | undefined {
  if (match || pattern !== undefined) return matched(path, match ?? {}, pattern);
  return { match: create(RouteMatchSchema, pathMatch({ path })), all: true };
}

type OwnPath = { readonly exact: string } | { readonly prefix: string };

/** The part of a path that a match leaves; `pattern`: what the request's path must match besides. */
interface Narrowed {
  readonly path: PathMatch;
  readonly pattern?: string;
}

function matched(
  path: string,
  { path: wanted, grpc, verb, headers = [], query = [] }: RuleMatch,
  besides: string | undefined,
): MatchedCalls | undefined {
  const own: OwnPath = path.endsWith('/*') ? { prefix: path.slice(0, -1) } : { exact: path };
  const narrowed = grpc ? narrowGrpc(own, grpc) : wanted ? narrow(own, wanted) : { path: own };
  if (narrowed === undefined) return undefined;
  const conditions: MessageInitShape<typeof HeaderMatcherSchema>[] = [
    ...[narrowed.pattern, besides]
      .filter((pattern) => pattern !== undefined)
      // The query is part of this header.
      .map((pattern) => headerMatcher(':path', { regex: `(?:${pattern})(?:\\?.*)?` })),
    ...(verb === undefined ? [] : [headerMatcher(':method', { exact: verb })]),
    ...headers.map(({ name, value, invert }) => headerMatcher(name, value, invert)),
  ];
  const match: MessageInitShape<typeof RouteMatchSchema> = {
    pathSpecifier: pathSpecifier(narrowed.path),
    headers: conditions,
    queryParameters: query.map(({ name, value }) => ({
      name,
      queryParameterMatchSpecifier:
        value === undefined
          ? { case: 'presentMatch' as const, value: true }
          : { case: 'stringMatch' as const, value: stringMatcher(value) },
    })),
  };
  return {
    match: create(RouteMatchSchema, match),
    all: narrowed.path === own && conditions.length === 0 && query.length === 0,
  };
}

function narrow(own: OwnPath, wanted: PathMatch): Narrowed | undefined {
  if ('regex' in wanted) return { path: own, pattern: wanted.regex };
  if ('exact' in own) return covers(wanted, own.exact) ? { path: own } : undefined;
  if ('exact' in wanted) return wanted.exact.startsWith(own.prefix) ? { path: wanted } : undefined;
  const narrower = 'prefix' in wanted ? wanted.prefix : wanted.pathSeparatedPrefix;
  // Of two equal prefixes the own one, which leaves nothing out.
  if (covers(wanted, own.prefix)) return { path: own };
  return narrower.startsWith(own.prefix) ? { path: wanted } : undefined;
}

/** Whether all that begins with a path, or that path alone, is matched. */
function covers(wanted: Exclude<PathMatch, { regex: string }>, path: string): boolean {
  if ('exact' in wanted) return wanted.exact === path;
  if ('prefix' in wanted) return path.startsWith(wanted.prefix);
  const elements = withoutSlash(wanted.pathSeparatedPrefix);
  return path === elements || path.startsWith(`${elements}/`);
}

function narrowGrpc(own: OwnPath, { service, method }: GrpcMatch): Narrowed | undefined {
  if ('exact' in own) {
    const [, ownService, ownMethod] = own.exact.split('/');
    const fits = (service ?? ownService) === ownService && (method ?? ownMethod) === ownMethod;
    return fits ? { path: own } : undefined;
  }
  if (method === undefined) return narrow(own, { prefix: service === undefined ? '/' : `/${service}/` });
  return narrow(own, service === undefined ? { regex: `/[^/]+/${method}` } : { exact: `/${service}/${method}` });
}

function pathSpecifier(path: PathMatch): NonNullable<MessageInitShape<typeof RouteMatchSchema>['pathSpecifier']> {
  if ('exact' in path) return { case: 'path', value: path.exact };
  if ('prefix' in path) return { case: 'prefix', value: path.prefix };
  if ('regex' in path) return { case: 'safeRegex', value: { regex: path.regex } };
  return { case: 'pathSeparatedPrefix', value: withoutSlash(path.pathSeparatedPrefix) };
}

/** Envoy takes no path-separated prefix with a slash at its end. */
function withoutSlash(prefix: string): string {
  return prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
}

function headerMatcher(
  name: string,
  value: HeaderMatch['value'],
  invert = false,
): MessageInitShape<typeof HeaderMatcherSchema> {
  const common = { name, invertMatch: invert };
  if (value === undefined) return { ...common, headerMatchSpecifier: { case: 'presentMatch', value: true } };
  if ('start' in value) {
    const range = { start: BigInt(value.start), end: BigInt(value.end) };
    return { ...common, headerMatchSpecifier: { case: 'rangeMatch', value: range } };
  }
  return { ...common, headerMatchSpecifier: { case: 'stringMatch', value: stringMatcher(value) } };
}

function stringMatcher(match: StringMatch): MessageInitShape<typeof StringMatcherSchema> {
  if ('exact' in match) return { matchPattern: { case: 'exact', value: match.exact } };
  if ('prefix' in match) return { matchPattern: { case: 'prefix', value: match.prefix } };
  if ('suffix' in match) return { matchPattern: { case: 'suffix', value: match.suffix } };
  return { matchPattern: { case: 'safeRegex', value: { regex: match.regex } } };
}
