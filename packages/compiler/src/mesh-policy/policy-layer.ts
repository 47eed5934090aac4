import type { Resource } from '../facts/facts.ts';
import type { ContractVersion } from '../model/contract.ts';
import type { ServiceId } from '../model/mesh.ts';
import { methodOf } from '../model/method.ts';
import type { Override } from '../model/override.ts';
import { effectWords, type OverrideEffect } from '../model/override-effect.ts';
import type { Problem } from '../model/problem.ts';
import { sameRef } from '../model/resource-ref.ts';
import { applyOverride } from './apply-override.ts';
import { applyPolicies } from './apply-policy.ts';
import { type OverrideNow, overrideAt } from './override-state.ts';
import { type MeshPolicy, readResource } from './read-resource.ts';

/** What MeshPolicies and MeshOverrides say at one moment. */
export interface PolicyLayer {
  /** Whether a service has a MeshPolicy. */
  has(service: ServiceId): boolean;
  /** Lays policies, then overrides, over all versions of a service; the same versions give the same result. */
  apply(service: ServiceId, versions: readonly ContractVersion[]): ContractVersion[];
  /** After all services: every override, and all that could not be meant. */
  outcome(services: ReadonlySet<ServiceId>): { overrides: Override[]; problems: Problem[] };
  /** Epoch milliseconds: the next moment at which time alone changes what holds. */
  readonly nextChangeMs?: number;
}

/**
 * Reads every MeshPolicy and MeshOverride among `resources`. Each counts for the one Service that it names, in its own namespace,
 * and for no other. Pure: `nowMs` decides which overrides hold.
 */
export function readPolicyLayer(resources: readonly Resource[], nowMs: number): PolicyLayer {
  const policies = new Map<ServiceId, MeshPolicy[]>();
  const overrides = new Map<ServiceId, OverrideNow[]>();
  const problems = new Map<string, Problem>();
  const complain = (found: readonly Problem[]) => {
    for (const problem of found) problems.set(`${problem.resource} ${problem.field} ${problem.message}`, problem);
  };
  const all: OverrideNow[] = [];
  for (const resource of resources) {
    const { policy, override, problems: found } = readResource(resource);
    complain(found);
    if (policy) policies.set(policy.service, [...(policies.get(policy.service) ?? []), policy]);
    if (override === undefined) continue;
    const now = overrideAt(override, nowMs);
    all.push(now);
    if (!now.ended) overrides.set(override.service, [...(overrides.get(override.service) ?? []), now]);
  }
  for (const list of overrides.values()) list.sort((a, b) => (a.override.id < b.override.id ? -1 : 1));
  all.sort((a, b) => (a.override.id < b.override.id ? -1 : 1));

  const effects = new Map<OverrideNow, Map<string, OverrideEffect>>();
  const next = all.flatMap(({ untilMs, ended }) => (untilMs === undefined || ended ? [] : untilMs));
  return {
    ...(next.length > 0 ? { nextChangeMs: Math.min(...next) } : {}),
    has: (service) => policies.has(service),
    apply(service, versions) {
      const own = policies.get(service) ?? [];
      const now = overrides.get(service) ?? [];
      if (own.length === 0 && now.length === 0) return [...versions];
      if (versions.length === 0) complain(now.map(({ override }) => noMethods(override)));
      const applied = versions.map((version) => {
        const laid = applyPolicies(version, ...own);
        complain(laid.problems);
        // Denials come last, so that no other override admits whom one denies.
        return [
          ...now.filter(({ override }) => !override.spec.deny),
          ...now.filter(({ override }) => override.spec.deny),
        ].reduce((before, override) => {
          const { version: after, problems: found, effects: had } = applyOverride(before, override);
          complain(found);
          const known = effects.get(override) ?? new Map<string, OverrideEffect>();
          for (const effect of had) known.set(effectWords(effect), effect);
          effects.set(override, known);
          return after;
        }, laid.version);
      });
      for (const policy of own) {
        const paths = policy.spec.methods?.map(({ path }) => path);
        complain(unknownPaths(policy, 'path', paths, applied));
      }
      for (const { override } of now) complain(unknownPaths(override, '', override.spec.methods, applied));
      return applied;
    },
    outcome(services) {
      for (const [service, list] of [...policies]) if (!services.has(service)) complain(list.map(noService));
      for (const [service, list] of [...overrides]) {
        if (!services.has(service)) complain(list.map(({ override }) => noService(override)));
      }
      return {
        overrides: all.map((now) => outcomeOf(now, [...(effects.get(now)?.values() ?? [])], [...problems.values()])),
        problems: [...problems.values()],
      };
    },
  };
}

type Said = Pick<MeshPolicy, 'ref' | 'resource' | 'service'>;

/** Paths that no version of a service has. */
function unknownPaths(
  { ref, resource }: Said,
  key: string,
  paths: readonly string[] | undefined,
  versions: readonly ContractVersion[],
): Problem[] {
  const known = versions.flatMap((version) => [...version.methods.keys()]);
  return (paths ?? []).flatMap((path, index) =>
    versions.length === 0 || versions.some(({ methods }) => methodOf(methods, path)?.path === path)
      ? []
      : {
          resource,
          about: [ref],
          field: `spec.methods[${index}]${key === '' ? '' : `.${key}`}`,
          message: `${path} is no method of the service; it has no effect`,
          advice: known.length > 0 ? [...new Set(known)].sort().join(', ') : 'a MeshPolicy that names the path',
        },
  );
}

function noService({ ref, resource, service }: Said): Problem {
  return {
    resource,
    about: [ref],
    field: 'spec.service',
    message: `there is no Service ${service}; it has no effect`,
    advice: 'a Service of its own namespace',
  };
}

function noMethods({ ref, resource, service }: Said): Problem {
  return {
    resource,
    about: [ref],
    field: 'spec.service',
    message: `Service ${service} has no contract and no MeshPolicy, so nobody may call it anyway; it has no effect`,
    advice: 'a Service with methods',
  };
}

function outcomeOf(
  { override, ended }: OverrideNow,
  effects: readonly OverrideEffect[],
  problems: readonly Problem[],
): Override {
  const { id, ref, service, spec, origin } = override;
  return {
    id,
    ref,
    service,
    methods: spec.methods ?? [],
    effects: ended ? [] : effects,
    refusals: problems
      .filter(({ about = [] }) => about.some((each) => sameRef(each, ref)))
      .map(({ field = '', message }) => ({ field, message })),
    state: ended ? 'ended' : effects.length > 0 ? 'active' : 'refused',
    reason: spec.reason ?? '',
    by: spec.by ?? '',
    ...(spec.expires === undefined ? {} : { expiresMs: spec.expires }),
    origin,
  };
}
