import { create } from '@bufbuild/protobuf';
import {
  type HeaderMatcher,
  HeaderMatcherSchema,
  type Route,
} from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { isOwnPath, type Method } from '../model/method.ts';
import { unambiguousPaths } from '../model/request-path.ts';

/** Which requests a method's route takes: its very path or, of a path that ends with an asterisk, what is before it and all below. */
export function pathMatch({ path }: Pick<Method, 'path'>) {
  if (path === '/*') return { pathSpecifier: { case: 'prefix' as const, value: '/' } };
  return path.endsWith('/*')
    ? { pathSpecifier: { case: 'pathSeparatedPrefix' as const, value: path.slice(0, -2) } }
    : { pathSpecifier: { case: 'path' as const, value: path } };
}

/** The one path that a route takes; "" where it takes more. */
export function exactPath({ match }: Route): string {
  return match?.pathSpecifier.case === 'path' ? match.pathSpecifier.value : '';
}

/**
 * The same where access is decided, of a path that no contract describes: whatever a server may take for that path, see `governs`.
 * `open`: some of the other paths end with an asterisk, so that a path with a slash at its end may be below one of them.
 */
export function judgedMatches(method: Pick<Method, 'path' | 'versions'>, open: boolean) {
  if (!isOwnPath(method)) return [pathMatch(method)];
  const { path } = method;
  const spellings = open && !path.endsWith('/*') && path !== '/' ? [path, `${path}/`] : [path];
  return spellings.map((spelling) => ({ ...pathMatch({ path: spelling }), caseSensitive: false }));
}

/** Requests whose path servers read differently, so that it is not known which path of the policy they are about. */
export function ambiguousPath(methods: readonly Pick<Method, 'path'>[]) {
  const regex = unambiguousPaths(methods.map(({ path }) => path));
  const value = { matchPattern: { case: 'safeRegex' as const, value: { regex } } };
  const header = create(HeaderMatcherSchema, {
    name: ':path',
    invertMatch: true,
    headerMatchSpecifier: { case: 'stringMatch', value },
  });
  return { pathSpecifier: { case: 'prefix' as const, value: '/' }, headers: [header] };
}

/** Requests with this value of a header. */
export function exactHeader(name: string, value: string): HeaderMatcher {
  return create(HeaderMatcherSchema, {
    name,
    headerMatchSpecifier: { case: 'stringMatch', value: { matchPattern: { case: 'exact', value } } },
  });
}
