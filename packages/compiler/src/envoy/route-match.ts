import { create } from '@bufbuild/protobuf';
import { type HeaderMatcher, HeaderMatcherSchema } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import type { Method } from '../model/method.ts';

/** Which requests a method's route takes: its very path or, of a path that ends with an asterisk, all below it. */
export function pathMatch({ path }: Pick<Method, 'path'>) {
  return path.endsWith('/*')
    ? { pathSpecifier: { case: 'prefix' as const, value: path.slice(0, -1) } }
    : { pathSpecifier: { case: 'path' as const, value: path } };
}

/** Requests with this value of a header. */
export function exactHeader(name: string, value: string): HeaderMatcher {
  return create(HeaderMatcherSchema, {
    name,
    headerMatchSpecifier: { case: 'stringMatch', value: { matchPattern: { case: 'exact', value } } },
  });
}
