import { create } from '@bufbuild/protobuf';
import { type CircuitBreakers, CircuitBreakersSchema } from '@weft/envoy-api/envoy/config/cluster/v3/circuit_breaker';
import type { RetryBudget } from '../model/retry-budget.ts';

const unlimited = 0xffff_ffff;

/** A cluster's limits. Envoy's own defaults (1024 of each) are nobody's contract, so only what is asked for limits. */
export function circuitBreakers(limits: { budget?: RetryBudget; maxRequests?: number }): CircuitBreakers {
  return create(CircuitBreakersSchema, {
    thresholds: [
      {
        maxConnections: unlimited,
        maxPendingRequests: unlimited,
        maxRequests: limits.maxRequests ?? unlimited,
        ...(limits.budget
          ? {
              retryBudget: {
                budgetPercent: { value: limits.budget.percent },
                minRetryConcurrency: limits.budget.minConcurrent,
              },
            }
          : { maxRetries: unlimited }),
      },
    ],
  });
}
