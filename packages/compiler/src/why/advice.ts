import type { Facts } from '../facts/facts.ts';
import type { LogicalName, Mesh } from '../model/mesh.ts';
import { originWords } from '../model/policy-origin.ts';
import type { Explanation } from './explanation.ts';
import type { Called } from './find-call.ts';
import { contractElement, placeOf, resourceSource, versionOf } from './value-source.ts';

/** What would let a caller in: the line to add and its file, or the override to end. */
export function adviceFor(
  caller: LogicalName,
  { method, service }: Called,
  facts: Facts,
  mesh: Mesh,
): Pick<Explanation, 'advice' | 'adviceElement'> {
  const origin = method.origins.callers;
  if (method.denied?.has(caller)) {
    const denying = mesh.overrides.filter(
      ({ service: id, state, effects }) =>
        id === service.id &&
        state === 'active' &&
        effects.some((effect) => effect.kind === 'deny' && effect.caller === caller),
    );
    const names = denying.map(({ ref, expiresMs }) => {
      const end = expiresMs === undefined ? 'until it is removed' : `until ${new Date(expiresMs).toISOString()}`;
      return `${resourceSource(ref, facts)} denies it ${end}`;
    });
    return {
      advice:
        names.join('; ') ||
        `${method.origins.denied ? originWords(method.origins.denied) : 'a MeshOverride'} denies it for now`,
    };
  }
  if (origin?.is === 'resource' && caller !== 'edge') {
    return { advice: `add ${caller} to addCallers in ${resourceSource(origin.ref, facts)}` };
  }
  const version = versionOf(method, service);
  if (version === undefined || version.hash === '') {
    return { advice: `a MeshPolicy for Service ${service.id} with callers: [${caller}]` };
  }
  const ofMethod = caller === 'edge' || (origin?.is === 'contract' && origin.method !== undefined);
  const name = ofMethod ? method.path.slice(1) : method.grpcService;
  const element = contractElement(
    { service: method.grpcService, ...(ofMethod ? { method: method.name } : {}), isOption: true },
    version,
  );
  const place = element === undefined ? version.origin : placeOf(element);
  const option = `in option (weft.policy.v1.${ofMethod ? 'method' : 'service'}) of ${name}, ${place}`;
  const list = [...method.callers, caller].filter((each) => each !== 'edge').map((each) => `"${each}"`);
  const line =
    caller === 'edge'
      ? 'exposure: EXPOSURE_EDGE'
      : ofMethod
        ? `callers: {names: [${list.join(', ')}]}`
        : `callers: [${list.join(', ')}]`;
  return { advice: `${line} ${option}`, ...(element ? { adviceElement: element } : {}) };
}
