import type { Facts } from '../facts/facts.ts';
import type { LogicalName, Mesh } from '../model/mesh.ts';
import type { Called } from './find-call.ts';
import { protoFile, resourceSource, versionOf } from './value-source.ts';

/** What would let a caller in: the line to add and its file, or the override to end. */
export function adviceFor(caller: LogicalName, { method, service }: Called, facts: Facts, mesh: Mesh): string {
  const origin = method.origins.callers;
  if (method.denied?.has(caller)) {
    const denying = mesh.overrides.filter(
      ({ service: id, state, effects }) =>
        id === service.id && state === 'active' && effects.some((effect) => effect.split(' ').includes(caller)),
    );
    const names = denying.map(({ id, expiresMs }) => {
      const end = expiresMs === undefined ? 'until it is removed' : `until ${new Date(expiresMs).toISOString()}`;
      return `${resourceSource(`MeshOverride ${id}`, facts)} denies it ${end}`;
    });
    return names.join('; ') || `${origin ?? 'a MeshOverride'} denies it for now`;
  }
  if (origin?.startsWith('Mesh') && caller !== 'edge') {
    return `add ${caller} to the callers in ${resourceSource(origin, facts)}`;
  }
  const version = versionOf(method, service);
  if (version === undefined || version.hash === '') {
    return `a MeshPolicy for Service ${service.id} with callers: [${caller}]`;
  }
  const ofMethod = origin?.includes('/') ?? false;
  const element = ofMethod || caller === 'edge' ? method.path.slice(1) : method.grpcService;
  const file = protoFile(element, version) ?? version.origin;
  if (caller === 'edge') {
    return `exposure: EXPOSURE_EDGE in option (weft.policy.v1.method) of ${element}, ${file}`;
  }
  const names = [...method.callers].filter((name) => name !== 'edge');
  const list = [...names, caller].map((name) => `"${name}"`).join(', ');
  return ofMethod
    ? `callers: {names: [${list}]} in option (weft.policy.v1.method) of ${element}, ${file}`
    : `callers: [${list}] in option (weft.policy.v1.service) of ${element}, ${file}`;
}
