import { type DescService, getOption } from '@bufbuild/protobuf';
import { type ServicePolicy, service as serviceOption } from '@weft/contracts/weft/policy/v1/policy';
import type { Method } from '../model/method.ts';
import type { RetryBudget } from '../model/retry-budget.ts';
import type { Complaint } from './complaint.ts';
import { readMethod } from './method-policy.ts';
import { sharedPaths } from './shared-paths.ts';
import { unknownOptions } from './unknown-options.ts';

/** What holds in a service that says nothing. */
export const defaultRetryBudget: RetryBudget = { percent: 20, minConcurrent: 25 };

/** What proto services with one logical name say together. */
export interface ServicePolicies {
  readonly methods: ReadonlyMap<string, Method>;
  readonly retryBudget: RetryBudget;
  readonly maxConcurrentRequests?: number;
}

/** Reads the policy of all services of one contract. With complaints, the policies are not fit for use. */
export function readServices(
  services: readonly DescService[],
  hash: string,
): { policies: ServicePolicies; complaints: Complaint[] } {
  const complaints: Complaint[] = [];
  const methods: Method[] = [];
  let budget: ServicePolicy['retryBudget'];
  let maxConcurrentRequests: number | undefined;
  for (const service of services) {
    complaints.push(...unknownOptions(service));
    const policy = getOption(service, serviceOption);
    const complain = (message: string) => complaints.push({ element: service, message });
    if (policy.defaults?.objective && policy.defaults.objective.percent > 100)
      complain('objective.percent is over 100');
    const percent = policy.retryBudget?.percent;
    if (percent !== undefined && !(percent >= 0 && percent <= 100)) {
      complain(`retry_budget.percent ${percent} must be between 0 and 100`);
    }
    if (policy.maxConcurrentRequests === 0) complain('max_concurrent_requests 0 must be at least 1');
    // One cluster carries all services of one contract, so the widest of their budgets and limits holds.
    budget = wider(budget, policy.retryBudget);
    maxConcurrentRequests = largest(maxConcurrentRequests, policy.maxConcurrentRequests);
    for (const method of service.methods) {
      const read = readMethod(method, policy, hash);
      complaints.push(...read.complaints);
      methods.push(read.method);
    }
  }
  complaints.push(...sharedPaths([], methods, services));
  methods.sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    complaints,
    policies: {
      methods: new Map(methods.map((method) => [method.path, method])),
      retryBudget: {
        percent: budget?.percent ?? defaultRetryBudget.percent,
        minConcurrent: budget?.minConcurrent ?? defaultRetryBudget.minConcurrent,
      },
      ...(maxConcurrentRequests === undefined ? {} : { maxConcurrentRequests }),
    },
  };
}

function wider(a: ServicePolicy['retryBudget'], b: ServicePolicy['retryBudget']): ServicePolicy['retryBudget'] {
  if (!a || !b) return a ?? b;
  return (b.percent ?? defaultRetryBudget.percent) > (a.percent ?? defaultRetryBudget.percent) ? b : a;
}

function largest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}
