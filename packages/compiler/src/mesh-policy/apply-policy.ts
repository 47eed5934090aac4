import type { AccessLogLevel } from '../model/access-log.ts';
import type { ContractVersion } from '../model/contract.ts';
import { byPath, isExposed, type Method, type PolicyField } from '../model/method.ts';
import type { PolicyOrigin } from '../model/policy-origin.ts';
import type { Problem } from '../model/problem.ts';
import { defaultHedgeTries, isRepeatable } from '../model/retry.ts';
import { faultsOf, rateLimitsOf, retryOf } from './method-fields.ts';
import { ownMethod } from './method-without-contract.ts';
import type { MeshPolicy } from './read-resource.ts';
import type { MethodEntry } from './schemas.ts';

/** A contract version with other words in it, and what was not to be had. */
export interface Applied {
  readonly version: ContractVersion;
  readonly problems: readonly Problem[];
}

/**
 * Lays MeshPolicies over a contract version. A version without a hash is that of a service without a contract: its methods are the
 * paths that the policies name. Of two policies that set one field of one method, that whose name comes first counts.
 */
export function applyPolicies(version: ContractVersion, ...policies: MeshPolicy[]): Applied {
  const problems: Problem[] = [];
  const inOrder = [...policies].sort((a, b) => (a.name < b.name ? -1 : 1));
  const methods = version.hash === '' ? ownMethods(version, inOrder, problems) : [...version.methods.values()];
  const applied = methods.map((method) => {
    // From the last to the first, so that the first has the last word.
    const set = new Map<PolicyField, MeshPolicy>();
    let result = method;
    for (const policy of [...inOrder].reverse()) result = layPolicy(result, policy, set, problems);
    for (const policy of inOrder) result = addCallers(result, policy);
    return result;
  });
  applied.sort(byPath);
  return {
    version: {
      ...version,
      methods: new Map(applied.map((method) => [method.path, method])),
      ...limits(version, inOrder),
    },
    problems,
  };
}

function ownMethods(version: ContractVersion, policies: readonly MeshPolicy[], problems: Problem[]): Method[] {
  const found = new Map<string, Method>();
  for (const { spec } of policies) {
    for (const entry of spec.methods ?? [])
      if (!found.has(entry.path)) found.set(entry.path, ownMethod(entry, version));
  }
  const anyCase = new Map<string, string>();
  for (const { resource, ref, spec } of policies) {
    for (const [index, { path }] of (spec.methods ?? []).entries()) {
      const other = anyCase.get(path.toLowerCase());
      if (other === undefined) anyCase.set(path.toLowerCase(), path);
      if (other === undefined || other === path) continue;
      problems.push({
        resource,
        about: [ref],
        field: `spec.methods[${index}].path`,
        message: `${path} and ${other} differ only in case, which many servers do not tell apart`,
        advice: 'one of the two',
      });
    }
  }
  if (found.size === 0) {
    for (const { resource, ref } of policies) {
      problems.push({
        resource,
        about: [ref],
        field: 'spec.methods',
        message: 'the service has no contract, and no path is named here, so nobody may call it',
        advice: 'methods: [{path: "/*", callers: [...]}]',
      });
    }
  }
  return [...found.values()];
}

function limits(version: ContractVersion, policies: readonly MeshPolicy[]) {
  const budget = policies.find(({ spec }) => spec.retryBudget)?.spec.retryBudget;
  const calls = policies.flatMap(({ spec }) => spec.calls ?? []);
  const most = policies.find(({ spec }) => spec.maxConcurrentRequests)?.spec.maxConcurrentRequests;
  return {
    ...(budget === undefined
      ? {}
      : {
          retryBudget: {
            percent: budget.percent ?? version.retryBudget.percent,
            minConcurrent: budget.minConcurrent ?? version.retryBudget.minConcurrent,
          },
        }),
    ...(most === undefined ? {} : { maxConcurrentRequests: most }),
    ...(calls.length === 0 ? {} : { calls: [...new Set([...version.calls, ...calls])].sort() }),
  };
}

/** The level of the access log that these policies of one Service ask for; of several, the policy whose name comes first counts. */
export function accessLogOf(policies: readonly MeshPolicy[]): AccessLogLevel | undefined {
  const asking = policies.filter(({ spec }) => spec.accessLog !== undefined);
  return asking.sort((a, b) => (a.name < b.name ? -1 : 1))[0]?.spec.accessLog;
}

type Fields = Partial<Omit<MethodEntry, 'path' | 'kind' | 'idempotency'>>;

function layPolicy(method: Method, policy: MeshPolicy, set: Map<PolicyField, MeshPolicy>, problems: Problem[]): Method {
  const { spec, name, ref, resource } = policy;
  const origin: PolicyOrigin = { is: 'resource', ref };
  const index = (spec.methods ?? []).findIndex(({ path }) => path === method.path);
  const own: Fields = spec.methods?.[index] ?? {};
  const shared: Fields = {
    ...optional('callers', spec.callers),
    ...optional('exposure', spec.exposure),
    ...spec.defaults,
  };
  const changes: Partial<{ -readonly [K in keyof Method]: Method[K] }> = {};
  const origins: Partial<Record<PolicyField, PolicyOrigin>> = {};
  const refuse = (field: keyof Fields, message: string, advice?: string) => {
    problems.push({
      resource,
      about: [ref],
      field: `spec.methods[${index}].${field}`,
      message: `${method.path}: ${message}`,
      ...(advice === undefined ? {} : { advice }),
    });
  };
  /** Takes a field: what the method itself is given must fit it, what all are given counts for those that it fits. */
  const take = <F extends keyof Fields>(
    field: F,
    as: PolicyField,
    unfit: string | undefined,
  ): Fields[F] | undefined => {
    const value = own[field] ?? shared[field];
    if (value === undefined) return undefined;
    if (unfit !== undefined) {
      if (own[field] !== undefined) refuse(field, unfit);
      return undefined;
    }
    const other = set.get(as);
    if (other) {
      problems.push({
        resource: other.resource,
        about: [other.ref],
        field: method.path.slice(1),
        message: `${field} is also set by ${name}, which comes first by name and counts`,
        advice: 'one of the two',
      });
    }
    set.set(as, policy);
    origins[as] = origin;
    return value;
  };
  const unary = method.kind === 'unary';
  const forUnary = unary ? undefined : 'is for unary methods';
  const forStreams = unary ? 'is for streams' : undefined;

  const deadline = take('deadline', 'deadlineMs', forUnary);
  if (deadline !== undefined) changes.deadlineMs = deadline;
  const tryTimeout = take('tryTimeout', 'tryTimeoutMs', forUnary);
  if (tryTimeout !== undefined) changes.tryTimeoutMs = tryTimeout;
  const longest = changes.deadlineMs ?? method.deadlineMs;
  const oneTry = changes.tryTimeoutMs ?? method.tryTimeoutMs;
  if (oneTry !== undefined && longest !== undefined && oneTry > longest) {
    if (own.tryTimeout !== undefined) refuse('tryTimeout', `${oneTry} ms is over the deadline ${longest} ms`);
    changes.tryTimeoutMs = longest;
  }
  const maxDuration = take('maxDuration', 'maxDurationMs', forStreams);
  if (maxDuration !== undefined) changes.maxDurationMs = maxDuration;
  const idleTimeout = take('idleTimeout', 'idleTimeoutMs', forStreams);
  if (idleTimeout !== undefined) changes.idleTimeoutMs = idleTimeout;
  const retry = take(
    'retry',
    'retry',
    isRepeatable(method)
      ? undefined
      : 'retry on a method that may not be repeated; only its contract can say that it may',
  );
  if (retry !== undefined) Object.assign(changes, { retry: retryOf(retry) });
  const rateLimits = take('rateLimits', 'rateLimits', undefined);
  if (rateLimits !== undefined) changes.rateLimits = rateLimitsOf(rateLimits);
  const hedge = take(
    'hedge',
    'hedge',
    unary && method.safety === 'no_side_effects' ? undefined : 'hedge needs a unary method without side effects',
  );
  if (hedge !== undefined) changes.hedge = { afterMs: hedge.after, maxTries: hedge.maxTries ?? defaultHedgeTries };
  const objective = take('objective', 'objective', undefined);
  if (objective !== undefined) changes.objective = { percent: objective.percent, withinMs: objective.within };

  const faults = take('faults', 'faults', undefined);
  if (faults !== undefined) changes.faults = faultsOf(faults);
  const mirror = take('mirror', 'mirror', undefined);
  if (mirror !== undefined) changes.mirror = `${ref.namespace}/${mirror}`;

  const exposure = take(
    'exposure',
    'exposed',
    method.versions[0] === '' && (own.exposure ?? shared.exposure) === 'edge'
      ? 'the edge serves only what a contract describes'
      : undefined,
  );
  const exposed = exposure === undefined ? isExposed(method) : exposure === 'edge';
  const named = take('callers', 'callers', undefined);
  if (named !== undefined || exposed !== isExposed(method)) {
    const names = (named ?? [...method.callers]).filter((caller) => caller !== 'edge');
    changes.callers = new Set([...names, ...(exposed ? ['edge'] : [])].sort());
    origins.callers ??= origin;
  }
  const shadow = take('shadow', 'shadow', undefined);
  if (shadow !== undefined) {
    const names = shadow.callers ?? [...(changes.callers ?? method.callers)].filter((caller) => caller !== 'edge');
    const shown = shadow.exposure === undefined ? exposed : shadow.exposure === 'edge';
    changes.shadow = new Set([...names, ...(shown ? ['edge'] : [])].sort());
  }
  if (Object.keys(changes).length === 0) return method;
  return { ...method, ...changes, origins: { ...method.origins, ...origins } };
}

function addCallers(method: Method, { spec, ref }: MeshPolicy): Method {
  const entry = spec.methods?.find(({ path }) => path === method.path);
  const added = [...(spec.addCallers ?? []), ...(spec.defaults?.addCallers ?? []), ...(entry?.addCallers ?? [])];
  if (added.every((caller) => method.callers.has(caller))) return method;
  return {
    ...method,
    callers: new Set([...method.callers, ...added].sort()),
    origins: { ...method.origins, callers: { is: 'resource', ref } },
  };
}

function optional<K extends keyof Fields>(key: K, value: Fields[K] | undefined): Fields {
  return value === undefined ? {} : { [key]: value };
}
