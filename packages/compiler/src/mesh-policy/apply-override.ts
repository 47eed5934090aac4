import type { ContractVersion } from '../model/contract.ts';
import type { KnownNames } from '../model/known-names.ts';
import { byPath, type Method, type PolicyField, type RetryPolicy } from '../model/method.ts';
import { effectWords, type OverrideEffect } from '../model/override-effect.ts';
import type { PolicyOrigin } from '../model/policy-origin.ts';
import type { Problem } from '../model/problem.ts';
import { isRepeatable } from '../model/retry.ts';
import type { Applied } from './apply-policy.ts';
import { loosensConcurrency, loosensLimits, loosensRetry, loosensTime } from './loosening.ts';
import { rateLimitsOf, retryOf } from './method-fields.ts';
import type { OverrideNow } from './override-state.ts';

/** What came of one override in one contract version. */
export interface AppliedOverride extends Applied {
  readonly effects: readonly OverrideEffect[];
}

/**
 * Lays one override over a version that has its MeshPolicies already. Field by field: one that loosens and may not has no effect,
 * while whatever tightens holds all the same, for in an emergency a denial must not fail by a mistake beside it. Whatever is about
 * callers that nobody in the mesh is (`names`) waits for them and is no effect.
 */
export function applyOverride(version: ContractVersion, now: OverrideNow, names: KnownNames): AppliedOverride {
  const { spec, resource, ref } = now.override;
  const origin: PolicyOrigin = { is: 'resource', ref };
  const problems = new Map<string, Problem>();
  // Many methods have the same effect.
  const effects = new Map<string, OverrideEffect>();
  const add = (effect: OverrideEffect) => effects.set(effectWords(effect), effect);
  const refuse = (field: string, message: string, advice?: string) =>
    problems.set(`${field} ${message}`, {
      resource,
      about: [ref],
      field: `spec.${field}`,
      message,
      ...(advice ? { advice } : {}),
    });
  /** Whether a field may have its effect. */
  const may = (field: string, loosens: boolean, what: string): boolean => {
    if (!loosens || now.refusal === undefined) return true;
    const { message, advice, field: missing } = now.refusal;
    refuse(field, `${what}: ${message}; it has no effect`, `${missing}: ${advice}`);
    return false;
  };
  const applies = ({ path }: Method) => spec.methods === undefined || spec.methods.includes(path);
  const methods = [...version.methods.values()].map((method) => {
    if (!applies(method)) return method;
    const path = method.path.slice(1);
    const changes: Partial<{ -readonly [K in keyof Method]: Method[K] }> = {};
    const origins: Partial<Record<PolicyField, PolicyOrigin>> = {};

    for (const [field, as] of [
      ['deadline', 'deadlineMs'],
      ['maxDuration', 'maxDurationMs'],
    ] as const) {
      const ms = spec[field];
      if (ms === undefined) continue;
      // Each is for one kind of method; an override of a whole service may meet both.
      if ((as === 'deadlineMs') !== (method.kind === 'unary')) {
        if (spec.methods)
          refuse(field, `is for ${as === 'deadlineMs' ? 'unary methods' : 'streams'}, which ${path} is not`);
        continue;
      }
      if (!may(field, loosensTime(method[as], ms), `${ms} ms is over ${path}'s ${method[as]} ms`)) continue;
      changes[as] = ms;
      if (as === 'deadlineMs' && (method.tryTimeoutMs ?? 0) > ms) changes.tryTimeoutMs = ms;
      origins[as] = origin;
      add({ kind: field === 'deadline' ? 'deadline' : 'max-duration', ms });
    }

    const retry: RetryPolicy | undefined = spec.retry && retryOf(spec.retry);
    const stops = spec.noRetry === true || (spec.retry !== undefined && retry === undefined);
    const { retry: hadRetry, hedge: hadHedge, ...rest } = method;
    let repeats: Pick<Method, 'retry' | 'hedge'> = {
      ...(hadRetry ? { retry: hadRetry } : {}),
      ...(hadHedge ? { hedge: hadHedge } : {}),
    };
    if (stops) {
      if (hadRetry || hadHedge) origins.retry = origin;
      repeats = {};
      add({ kind: 'no-retry' });
    } else if (retry !== undefined) {
      if (!isRepeatable(method)) {
        if (spec.methods) {
          const advice = 'no retry; only a call that was never delivered is retried';
          refuse('retry', `${path} may not be repeated, and no override changes that; it has no effect`, advice);
        }
      } else if (may('retry', loosensRetry(hadRetry, retry), `${path} would be retried more often than before`)) {
        repeats = { ...repeats, retry };
        origins.retry = origin;
        add({ kind: 'retry', maxRetries: retry.maxRetries });
      }
    }

    if (spec.rateLimits !== undefined) {
      const given = rateLimitsOf(spec.rateLimits);
      const next = [
        ...given,
        ...method.rateLimits.filter(({ caller }) => !given.some((limit) => limit.caller === caller)),
      ];
      if (may('rateLimits', loosensLimits(method, next), `${path} would get more calls than before`)) {
        changes.rateLimits = next;
        origins.rateLimits = origin;
        for (const limit of given) {
          if (limit.caller === '*' || names.has(limit.caller)) add({ kind: 'rate-limit', limit });
        }
      }
    }

    const callers = new Set(method.callers);
    for (const caller of spec.allow ?? []) {
      if (callers.has(caller)) continue;
      if (caller === 'edge' && version.hash === '') {
        refuse('allow', 'the edge serves only what a contract describes');
      } else if (may('allow', true, `${caller} may not call ${path}`)) {
        callers.add(caller);
        if (names.has(caller)) add({ kind: 'allow', caller });
      }
    }
    const denied = new Set<string>();
    for (const caller of spec.deny ?? []) {
      if (callers.delete(caller)) {
        denied.add(caller);
        origins.denied = origin;
      } else if (!names.has(caller)) {
        // It holds for a service that comes later, and does nothing today.
        continue;
      }
      add({ kind: 'deny', caller });
    }
    changes.callers = new Set([...callers].sort());
    if (denied.size > 0) changes.denied = new Set([...(method.denied ?? []), ...denied].sort());
    return { ...rest, ...repeats, ...changes, origins: { ...method.origins, ...origins } };
  });

  let limits: Pick<ContractVersion, 'maxConcurrentRequests'> = {};
  const most = spec.maxConcurrentRequests;
  if (most !== undefined) {
    const before = version.maxConcurrentRequests;
    if (may('maxConcurrentRequests', loosensConcurrency(version, most), `${most} is over ${before}`)) {
      limits = { maxConcurrentRequests: most };
      add({ kind: 'max-concurrent-requests', requests: most });
    }
  }
  return {
    version: { ...version, methods: new Map(methods.sort(byPath).map((method) => [method.path, method])), ...limits },
    problems: [...problems.values()],
    effects: [...effects.values()],
  };
}
