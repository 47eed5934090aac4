import { scopeWords } from '@weft/compiler/envoy/composition';
import type { ContributionSource } from '@weft/compiler/envoy/contribution';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { Problem } from '@weft/compiler/model/problem';
import { workloadRef } from '@weft/compiler/model/resource-ref';
import type { Aside } from './aside.ts';

/** One problem for each resource that something was set aside of, wherever it was. */
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
    const [first] = of;
    if (first === undefined) return [];
    const at = [...new Set(of.map(({ scope }) => scopeWords(scope)))].sort();
    const more = at.length > 3 ? [`${at.length - 3} more`] : [];
    const then = of.every(({ instead }) => instead) ? 'the last good form serves there' : 'it is left out there';
    return {
      resource,
      ...(about.length > 0 ? { about } : {}),
      message: `Envoy refuses the routes that it gives to ${[...at.slice(0, 3), ...more].join(', ')}; ${then}: ${first.reason}`,
      advice: 'another version of it, which is tried at once',
    };
  });
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
