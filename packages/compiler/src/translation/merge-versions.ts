import type { ContractVersion } from '../model/contract.ts';
import { mergeMethod } from '../model/merged-method.ts';
import { byPath, type Method } from '../model/method.ts';
import type { RetryBudget } from '../model/retry-budget.ts';

/**
 * What callers see of several versions: the union of their methods; what a method promises is what every version that has it
 * allows, except its deadline, which is the longest.
 */
export function mergeMethods(versions: readonly ContractVersion[]): ReadonlyMap<string, Method> {
  const largestFirst = [...versions].sort((a, b) => b.methods.size - a.methods.size || (a.hash < b.hash ? -1 : 1));
  const merged = new Map<string, Method>();
  for (const version of largestFirst) {
    for (const [path, method] of version.methods) {
      const before = merged.get(path);
      merged.set(path, before ? mergeMethod(before, method) : method);
    }
  }
  return new Map([...merged].sort(([, a], [, b]) => byPath(a, b)));
}

/** A cluster has one budget: the widest of its versions'. */
export function mergeBudgets(versions: readonly ContractVersion[]): RetryBudget | undefined {
  if (versions.length === 0) return undefined;
  return {
    percent: Math.max(...versions.map(({ retryBudget }) => retryBudget.percent)),
    minConcurrent: Math.max(...versions.map(({ retryBudget }) => retryBudget.minConcurrent)),
  };
}
