import { create } from '@bufbuild/protobuf';
import {
  HeaderValueOption_HeaderAppendAction as AppendAction,
  type HeaderValueOption,
  HeaderValueOptionSchema,
} from '@weft/envoy-api/envoy/config/core/v3/base';
import type { Route, WeightedCluster_ClusterWeight } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import type { HeaderModifier, RuleFilter } from '../model/route.ts';

/** Has a route, or its share of one cluster, change headers. */
export function modifyHeaders(of: Route | WeightedCluster_ClusterWeight, filters: readonly RuleFilter[]): void {
  for (const filter of filters) {
    if (filter.is === 'requestHeaderModifier') {
      of.requestHeadersToAdd.push(...added(filter));
      of.requestHeadersToRemove.push(...(filter.remove ?? []));
    }
    if (filter.is === 'responseHeaderModifier') {
      of.responseHeadersToAdd.push(...added(filter));
      of.responseHeadersToRemove.push(...(filter.remove ?? []));
    }
  }
}

function added({ set = {}, add = {} }: HeaderModifier): HeaderValueOption[] {
  const option =
    (appendAction: AppendAction) =>
    ([key, value]: [string, string]) =>
      // Envoy would put a variable where it sees a percent sign.
      create(HeaderValueOptionSchema, { header: { key, value: value.replaceAll('%', '%%') }, appendAction });
  return [
    ...Object.entries(set).map(option(AppendAction.OVERWRITE_IF_EXISTS_OR_ADD)),
    ...Object.entries(add).map(option(AppendAction.APPEND_IF_EXISTS_OR_ADD)),
  ];
}
