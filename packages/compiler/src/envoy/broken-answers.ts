import type { Any } from '@bufbuild/protobuf/wkt';
import type { Route } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import type { Method } from '../model/method.ts';
import { brokenAnswers, enabled } from './http-filters.ts';
import { filters } from './names.ts';

/** Turns `brokenAnswers` on for a REST route, if one of its methods answers with a stream. */
export function tornAnswers(methods: readonly Pick<Method, 'kind'>[]): Record<string, Any> {
  return methods.some(answersMany) ? Object.fromEntries(brokenAnswers.map(({ name }) => [name, enabled])) : {};
}

/** Tells `brokenAnswers` that calls by this route, which is that of a method's gRPC, are answered with a stream. */
export function markStream(route: Route, method: Pick<Method, 'kind'>): void {
  if (route.metadata && answersMany(method)) route.metadata.filterMetadata[filters.brokenAnswers] = { stream: true };
}

function answersMany({ kind }: Pick<Method, 'kind'>): boolean {
  return kind === 'server_stream' || kind === 'bidi_stream';
}
