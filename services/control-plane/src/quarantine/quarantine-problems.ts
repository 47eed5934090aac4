import { scopeNamespace, scopeWords } from '@weft/compiler/envoy/composition';
import type { ContributionSource } from '@weft/compiler/envoy/contribution';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { Problem } from '@weft/compiler/model/problem';
import { workloadRef } from '@weft/compiler/model/resource-ref';
import type { Aside } from './aside.ts';

/**
 * One problem for each resource that something was set aside of, wherever it was. The objects of a tenant are told what gateways and the
 * tenant's own proxies say, but not what another tenant's proxies do: their words may be anything.
 */
export function asideProblems(all: readonly Aside[]): readonly Problem[] {
  const bySource = new Map<string, { readonly source: ContributionSource; readonly of: Aside[] }>();
  for (const aside of all) {
    for (const source of suspects(aside)) {
      const known = bySource.get(source.resource) ?? { source, of: [] };
      known.of.push(aside);
      bySource.set(source.resource, known);
    }
  }
  return [...bySource.values()].flatMap(({ source: { resource, about }, of }) => {
    const at = [...new Set(of.map(({ scope }) => scopeWords(scope)))].sort();
    const told = about.filter(({ namespace }) => of.some(({ scope }) => mayTell(scope, namespace)));
    const [first] =
      told.length > 0 ? of.filter(({ scope }) => told.some(({ namespace }) => mayTell(scope, namespace))) : of;
    if (first === undefined) return [];
    const more = at.length > 3 ? [`${at.length - 3} more`] : [];
    const then = of.every(({ instead }) => instead) ? 'the last good form serves there' : 'it is left out there';
    return {
      resource,
      ...(told.length > 0 ? { about: told } : {}),
      message: `Envoy refuses the routes that it gives to ${[...at.slice(0, 3), ...more].join(', ')}; ${then}: ${first.reason}`,
      advice: 'another version of it, which is tried at once',
    };
  });
}

function mayTell(scope: string, namespace: string): boolean {
  const by = scopeNamespace(scope);
  return by === undefined || by === namespace;
}

/** What may be to blame: what changed since the last good form, else all that it was made from. */
function suspects({ sources, instead }: Aside): readonly ContributionSource[] {
  const changed = sources.filter(
    (source) =>
      !instead?.sources.some(({ resource, version }) => resource === source.resource && version === source.version),
  );
  return changed.length > 0 ? changed : sources;
}

/** A refusal that nothing was set aside for. */
export function doubtProblem(proxy: WorkloadId, routes: string, why: string): Problem {
  return {
    resource: `Workload ${proxy}`,
    about: [workloadRef(proxy)],
    message: `its proxy refuses its routes (${routes}), and keeps what it has; nothing is set aside, because ${why}`,
    advice: 'an Envoy of the version that Weft supports',
  };
}

/** A resource that is not made of contributions, and that a proxy refuses; `source`: what it was made from, for people. */
export function refusalProblem(proxy: WorkloadId, source: string, words: string): Problem {
  return {
    resource: `Workload ${proxy}`,
    about: [workloadRef(proxy)],
    message: `its proxy refuses ${source}, and keeps what it had of it: ${words}`,
    advice: 'another version of it, which is tried at once',
  };
}
