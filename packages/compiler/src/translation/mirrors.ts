import type { ServiceId } from '../model/mesh.ts';
import { originWords } from '../model/policy-origin.ts';
import type { Problem } from '../model/problem.ts';
import { serviceRef } from '../model/resource-ref.ts';
import type { Service } from '../model/service.ts';

/** Mirrors that would get nothing: a service that is not there, has no such method, or does not admit the callers. */
export function mirrorProblems(services: ReadonlyMap<ServiceId, Service>): Problem[] {
  const problems: Problem[] = [];
  for (const service of services.values()) {
    for (const { path, mirror, callers, origins } of service.methods.values()) {
      if (mirror === undefined) continue;
      const target = services.get(mirror)?.methods.get(path);
      const strangers = [...callers].filter((caller) => !target?.callers.has(caller));
      if (target && strangers.length < callers.size) continue;
      problems.push({
        resource: origins.mirror ? originWords(origins.mirror) : `Service ${service.id}`,
        about: [origins.mirror?.is === 'resource' ? origins.mirror.ref : serviceRef(service.id)],
        field: path.slice(1),
        message: target
          ? `mirror ${mirror} admits none of ${strangers.join(', ')}; it gets no copy`
          : `mirror ${mirror} has no such method; it gets no copy`,
        advice: 'a Service of the same namespace whose contract has the method, and the callers',
      });
    }
  }
  return problems;
}
