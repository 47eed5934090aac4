import { type DescService, getOption } from '@bufbuild/protobuf';
import { type ServicePolicy, service as serviceOption } from '@weft/policy/weft/policy/v1/policy';
import { type Bound, bounds, boundWords, isWithin, lengths } from '../model/bounds.ts';
import type { LogicalName } from '../model/mesh.ts';
import type { Method } from '../model/method.ts';
import { edgeName } from '../model/names.ts';
import type { RetryBudget } from '../model/retry-budget.ts';
import type { Complaint } from './complaint.ts';
import { isLogicalName, logicalNameOf } from './logical-name.ts';
import { checkNames, readMethod } from './method-policy.ts';
import { sharedPaths } from './shared-paths.ts';
import { unknownOptions } from './unknown-options.ts';

/** What holds in a service that says nothing. */
export const defaultRetryBudget: RetryBudget = { percent: 20, minConcurrent: 25 };

/** What proto services with one logical name say together. */
export interface ServicePolicies {
  readonly methods: ReadonlyMap<string, Method>;
  readonly retryBudget: RetryBudget;
  readonly maxConcurrentRequests?: number;
  /** Logical names, sorted. */
  readonly calls: readonly LogicalName[];
}

/** Reads the policy of all services of one contract. With complaints, the policies are not fit for use. */
export function readServices(
  services: readonly DescService[],
  hash: string,
): { policies: ServicePolicies; complaints: Complaint[] } {
  const complaints: Complaint[] = [];
  const methods: Method[] = [];
  const calls = new Set<LogicalName>();
  let budget: ServicePolicy['retryBudget'];
  let maxConcurrentRequests: number | undefined;
  for (const service of services) {
    complaints.push(...unknownOptions(service), ...nameComplaints(service));
    const policy = getOption(service, serviceOption);
    checkNames('calls', policy.calls, (message, advice) =>
      complaints.push({ element: service, message, ...(advice === undefined ? {} : { advice }) }),
    );
    for (const callee of policy.calls) {
      if (callee !== edgeName) calls.add(callee);
      else complaints.push({ element: service, message: 'calls names the edge, which no service calls' });
    }
    const check = (field: string, value: number | undefined, bound: Bound) => {
      if (value === undefined || isWithin(value, bound)) return;
      complaints.push({ element: service, message: `${field} is ${value}`, advice: boundWords(bound) });
    };
    check('retry_budget.percent', policy.retryBudget?.percent, bounds.retryBudgetPercent);
    check('max_concurrent_requests', policy.maxConcurrentRequests, bounds.concurrentRequests);
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
      calls: [...calls].sort(),
    },
  };
}

/** Callers reach a service by its logical name as a host name, which Envoy compares in lower case and wants once. */
function nameComplaints(service: DescService): Complaint[] {
  const { package: protoPackage } = service.file.proto;
  const name = logicalNameOf(protoPackage);
  if (isLogicalName(name) && name.length <= lengths.callerName) return [];
  return [
    {
      element: service,
      message: `package "${protoPackage.slice(0, lengths.callerName)}" gives no logical name`,
      advice: `lower-case letters, digits and "_" in parts, at most ${lengths.callerName} characters: "bakery.orders.v1"`,
    },
  ];
}

function wider(a: ServicePolicy['retryBudget'], b: ServicePolicy['retryBudget']): ServicePolicy['retryBudget'] {
  if (!a || !b) return a ?? b;
  return (b.percent ?? defaultRetryBudget.percent) > (a.percent ?? defaultRetryBudget.percent) ? b : a;
}

function largest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}
