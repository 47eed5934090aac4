import type { Collection, Graph } from '@weft/collections';
import { idOf } from '../model/names.ts';
import { originWords } from '../model/policy-origin.ts';
import type { Problem } from '../model/problem.ts';
import { serviceRef } from '../model/resource-ref.ts';
import { some } from './contract-versions.ts';
import type { Services } from './services.ts';

/** Mirrors that would get nothing: a service that is not there, has no such method, or does not admit the callers. */
export function mirrorProblems(graph: Graph, { merged }: Services): Collection<readonly Problem[]> {
  return graph.derive('mirrors', merged, ({ methods }, read, id) =>
    some(
      [...methods.values()].flatMap(({ path, mirror, callers, origins }): Problem[] => {
        if (mirror === undefined) return [];
        const target = read.get(merged, mirror)?.methods.get(path);
        const strangers = [...callers].filter((caller) => !target?.callers.has(caller));
        if (target && strangers.length < callers.size) return [];
        return [
          {
            resource: origins.mirror ? originWords(origins.mirror) : `Service ${id}`,
            about: [origins.mirror?.is === 'resource' ? origins.mirror.ref : serviceRef(idOf(id))],
            field: path.slice(1),
            message: target
              ? `mirror ${mirror} admits none of ${strangers.join(', ')}; it gets no copy`
              : `mirror ${mirror} has no such method; it gets no copy`,
            advice: 'a Service of the same namespace whose contract has the method, and the callers',
          },
        ];
      }),
    ),
  );
}
