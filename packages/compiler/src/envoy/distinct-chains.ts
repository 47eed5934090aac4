import type { FilterChain } from '@weft/envoy-api/envoy/config/listener/v3/listener_components';

/** One chain for each name: Envoy refuses a listener that has a name twice. Chains of one name are alike. */
export function distinctChains(chains: readonly FilterChain[]): FilterChain[] {
  return [...new Map(chains.map((chain) => [chain.name, chain])).values()];
}
