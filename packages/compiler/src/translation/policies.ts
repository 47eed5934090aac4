import type { Collection, Graph, Index } from '@weft/collections';
import type { FactCollections } from '../facts/fact-collections.ts';
import { applyOverride } from '../mesh-policy/apply-override.ts';
import { applyPolicies } from '../mesh-policy/apply-policy.ts';
import { type OverrideNow, overrideAt } from '../mesh-policy/override-state.ts';
import { type MeshOverride, type MeshPolicy, readResource } from '../mesh-policy/read-resource.ts';
import { unknownNamesOfOverride, unknownNamesOfPolicy } from '../mesh-policy/unknown-names.ts';
import type { ContractVersion } from '../model/contract.ts';
import { suggesting } from '../model/did-you-mean.ts';
import type { KnownNames } from '../model/known-names.ts';
import { methodOf } from '../model/method.ts';
import type { Override } from '../model/override.ts';
import { effectWords, type OverrideEffect } from '../model/override-effect.ts';
import type { Problem } from '../model/problem.ts';
import { sameRef } from '../model/resource-ref.ts';
import { some } from './contract-versions.ts';

/** What MeshPolicies and MeshOverrides say at the moment of `clock`. Each counts for the one Service that it names, and for no other. */
export interface Policies {
  readonly policies: Collection<MeshPolicy>;
  readonly overrides: Collection<OverrideNow>;
  /** By Service. */
  readonly policiesOf: Index<MeshPolicy>;
  /** Those that have not ended, by Service. */
  readonly overridesOf: Index<OverrideNow>;
  readonly problems: Collection<readonly Problem[]>;
}

/** The key of `clock`: epoch milliseconds. */
export const clockKey = 'now';

/** Reads every MeshPolicy and MeshOverride. */
export function meshPolicies(graph: Graph, facts: FactCollections, clock: Collection<number>): Policies {
  const read = graph.derive('policies read', facts.resources, (resource) => readResource(resource));
  const policies = graph.derive('policies', read, ({ policy }) => policy);
  const overrides = graph.derive(
    'overrides now',
    read,
    ({ override }, read) => override && overrideAt(override, read.get(clock, clockKey) ?? 0),
  );
  return {
    policies,
    overrides,
    policiesOf: policies.index('service', ({ service }) => [service]),
    overridesOf: overrides.index('service', ({ override, ended }) => (ended ? [] : [override.service])),
    problems: graph.derive('policies not understood', read, ({ problems }) => some(problems)),
  };
}

/** Contract versions of one Service with all that is laid over them. */
export interface Laid {
  readonly versions: readonly ContractVersion[];
  readonly problems: readonly Problem[];
  /** What each override did, by its id. */
  readonly effects: ReadonlyMap<string, readonly OverrideEffect[]>;
}

/** Lays policies, then overrides, over all versions of a Service. Pure. */
export function layPolicies(
  versions: readonly ContractVersion[],
  policies: readonly MeshPolicy[],
  overrides: readonly OverrideNow[],
  names: KnownNames,
): Laid {
  if (policies.length === 0 && overrides.length === 0) return { versions, problems: [], effects: new Map() };
  const problems = new Map<string, Problem>();
  const complain = (found: readonly Problem[]) => {
    for (const problem of found) problems.set(`${problem.resource} ${problem.field} ${problem.message}`, problem);
  };
  // By what each says, since several versions of a contract may be laid over alike.
  const effects = new Map<string, Map<string, OverrideEffect>>();
  const sorted = [...overrides].sort((a, b) => (a.override.id < b.override.id ? -1 : 1));
  // Denials come last, so that no other override admits whom one denies.
  const inOrder = [
    ...sorted.filter(({ override }) => !override.spec.deny),
    ...sorted.filter(({ override }) => override.spec.deny),
  ];
  if (versions.length === 0) complain(sorted.map(({ override }) => noMethods(override)));
  const laid = versions.map((version) => {
    const applied = applyPolicies(version, ...policies);
    complain(applied.problems);
    return inOrder.reduce((before, now) => {
      const { version: after, problems: found, effects: had } = applyOverride(before, now, names);
      complain(found);
      const known = effects.get(now.override.id) ?? new Map<string, OverrideEffect>();
      for (const effect of had) known.set(effectWords(effect), effect);
      effects.set(now.override.id, known);
      return after;
    }, applied.version);
  });
  for (const policy of policies) {
    const paths = policy.spec.methods?.map(({ path }) => path);
    complain(unknownPaths(policy, 'path', paths, laid));
  }
  for (const policy of policies) complain(unknownNamesOfPolicy(policy, names));
  for (const { override } of sorted) {
    complain(unknownPaths(override, '', override.spec.methods, laid));
    complain(unknownNamesOfOverride(override, names));
  }
  return {
    versions: laid,
    problems: [...problems.values()],
    effects: new Map([...effects].map(([id, had]) => [id, [...had.values()]])),
  };
}

/** What became of an override. `laid`: of its Service; absent: there is no such Service, but `near` may say which one is meant. */
export function overrideOutcome(
  { override, ended }: OverrideNow,
  laid: Laid | undefined,
  near: () => Iterable<string>,
): Override {
  const { id, ref, service, spec, origin } = override;
  const effects = laid?.effects.get(id) ?? [];
  const problems = laid
    ? laid.problems.filter(({ about = [] }) => about.some((each) => sameRef(each, ref)))
    : [noService(override, near())];
  return {
    id,
    ref,
    service,
    methods: spec.methods ?? [],
    effects: ended ? [] : effects,
    refusals: ended ? [] : problems.map(({ field = '', message }) => ({ field, message })),
    state: ended ? 'ended' : effects.length > 0 ? 'active' : 'refused',
    reason: spec.reason ?? '',
    by: spec.by ?? '',
    ...(spec.expires === undefined ? {} : { expiresMs: spec.expires }),
    origin,
  };
}

type Said = Pick<MeshOverride | MeshPolicy, 'ref' | 'resource' | 'service'>;

/** A policy or an override of a Service that is not there. `known`: the Services of its namespace, one of which may be meant. */
export function noService({ ref, resource, service }: Said, known: Iterable<string>): Problem {
  return {
    resource,
    about: [ref],
    field: 'spec.service',
    message: suggesting(`there is no Service ${service}; it has no effect`, service, known),
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

/** Paths that no version of a Service has. */
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
          message: suggesting(`${path} is no method of the service; it has no effect`, path, known),
          advice: known.length > 0 ? [...new Set(known)].sort().join(', ') : 'a MeshPolicy that names the path',
        },
  );
}
