import { create } from '@bufbuild/protobuf';
import {
  type HeaderMatcher,
  HeaderMatcherSchema,
  type RedirectAction,
  RedirectAction_RedirectResponseCode as RedirectCode,
  type Route,
  type RouteMatch,
  RouteSchema,
} from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { substituted, substitutionOf } from '../model/path-rewrite.ts';
import type { RequestRedirect, RuleFilter, RuleMatch } from '../model/route.ts';
import { modifyHeaders } from './header-modifiers.ts';
import { exactHeader } from './route-match.ts';
import { regexRewrite } from './rule-rewrite.ts';

const codes = {
  301: RedirectCode.MOVED_PERMANENTLY,
  302: RedirectCode.FOUND,
  303: RedirectCode.SEE_OTHER,
  307: RedirectCode.TEMPORARY_REDIRECT,
  308: RedirectCode.PERMANENT_REDIRECT,
} as const;

const wellKnown = { http: 80, https: 443 } as const;

/** The proxy's own answers to calls that are to go elsewhere. `by`: the rule's match behind `match`; `filters`: all of the rule. */
export function redirectRoutes(
  path: string,
  match: RouteMatch,
  by: RuleMatch | undefined,
  redirect: RequestRedirect,
  filters: readonly RuleFilter[],
): Route[] {
  const { scheme, hostname = '', statusCode = 302 } = redirect;
  return portsOf(redirect).map(({ headers, port }) => {
    const route = create(RouteSchema, {
      name: path,
      match: { ...match, headers: [...match.headers, ...headers] },
      action: {
        case: 'redirect',
        value: {
          ...(scheme === undefined ? {} : { schemeRewriteSpecifier: { case: 'schemeRedirect', value: scheme } }),
          hostRedirect: hostname,
          portRedirect: port ?? 0,
          pathRewriteSpecifier: pathOf(path, by, redirect),
          responseCode: codes[statusCode],
        },
      },
    });
    modifyHeaders(route, filters);
    return route;
  });
}

function pathOf(
  path: string,
  by: RuleMatch | undefined,
  { path: rewrite }: RequestRedirect,
): RedirectAction['pathRewriteSpecifier'] {
  const change = rewrite && substitutionOf(rewrite, by);
  if (rewrite === undefined || change === undefined) return { case: undefined };
  if ('fullPath' in rewrite || !path.endsWith('/*')) return { case: 'pathRedirect', value: substituted(path, change) };
  return { case: 'regexRewrite', value: regexRewrite(change) };
}

/**
 * The port for requests with these headers; absent: the one that the request names, or none. A well-known port is not named, but Envoy
 * takes the port out of a request's host name only where it puts another one in.
 */
function portsOf({ scheme, hostname, port: given }: RequestRedirect) {
  const port = given ?? (scheme && wellKnown[scheme]);
  const implied = scheme ?? (port === 80 ? 'http' : port === 443 ? 'https' : undefined);
  const all: { readonly headers: readonly HeaderMatcher[]; readonly port?: number } =
    port === undefined ? { headers: [] } : { headers: [], port };
  if (port === undefined || implied === undefined || port !== wellKnown[implied]) return [all];
  const ofScheme = scheme === undefined ? [exactHeader(':scheme', implied)] : [];
  return [
    ...(hostname === undefined ? [{ headers: [...ofScheme, namesPort], port }] : []),
    { headers: ofScheme },
    ...(scheme === undefined ? [all] : []),
  ];
}

/** Requests to "example.com:8080". */
const namesPort = create(HeaderMatcherSchema, {
  name: ':authority',
  headerMatchSpecifier: {
    case: 'stringMatch',
    value: { matchPattern: { case: 'safeRegex', value: { regex: '.*:[0-9]+' } } },
  },
});
