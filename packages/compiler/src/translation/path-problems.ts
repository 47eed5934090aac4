import { openDescriptorSet } from '../contracts/descriptor-set.ts';
import { sourceLine } from '../contracts/source-line.ts';
import type { ServiceId } from '../model/mesh.ts';
import { partsOfId } from '../model/names.ts';
import type { Problem } from '../model/problem.ts';
import { serviceRef } from '../model/resource-ref.ts';
import type { Service } from '../model/service.ts';
import type { ExposedPath, RefusedPath } from './exposure.ts';
import { type ExposureRows, prefixOf } from './exposure-rows.ts';

type Find = (id: ServiceId) => Service | undefined;

/** Says whose a path is that a gateway does not serve, and where both stand. */
export function pathProblem(
  { path, by, both, cost }: RefusedPath,
  gateway: string,
  rows: ExposureRows,
  find: Find,
): Problem {
  const own = placeOf(path, find);
  const name = `${words(path)}${own === '' ? '' : ` (${own})`}`;
  const about = [serviceRef(path.service)];
  const subject = { resource: `Service ${path.service}`, about, field: path.method.slice(1) };
  const row = rows.advice(path.namespace, prefixOf(path.steps ?? []));
  if (cost !== undefined) {
    return {
      ...subject,
      message: `${name} is not served at ${gateway} because it would exceed a limit: ${cost}`,
      advice: 'smaller contracts, fewer paths between those of others, or a higher quota in the MeshConfig',
    };
  }
  if (by === undefined) {
    const why = rows.refusal(path.namespace, path.steps ?? []);
    return { ...subject, message: `${name} is not served at ${gateway}: ${why}`, advice: `another path, or ${row}` };
  }
  const place = placeOf(by, find);
  const other = `${words(by)} of ${by.method.slice(1)} (Service ${by.service}${place === '' ? '' : `, ${place}`})`;
  const overlap = `${name} overlaps ${other}`;
  if (by.namespace === path.namespace) {
    return {
      ...subject,
      message: `${overlap}, which ${gateway} serves there`,
      advice: 'another path, or no exposure in one of the two',
    };
  }
  return {
    ...subject,
    message: both
      ? `${overlap}; both came at once, and ${gateway} serves neither`
      : `${overlap}, which was there first; ${gateway} does not serve it`,
    advice: `another path, or a row that gives one of the namespaces more of it: ${row}`,
  };
}

/** Says that a service is exposed at a gateway by its contract alone. */
export function exposureProblem(service: ServiceId, gateway: string, rows: ExposureRows): Problem {
  const { namespace } = partsOfId(service);
  return {
    resource: `Service ${service}`,
    about: [serviceRef(service)],
    message: `its contract exposes methods at ${gateway}, and namespace ${namespace} may not be exposed there; none is served`,
    advice: rows.advice(namespace, '...'),
  };
}

function words({ verb, template, steps }: ExposedPath): string {
  return steps === undefined ? template : `${verb} ${template}`;
}

/** The .proto file, and the line if the contract says. */
function placeOf({ service, method }: ExposedPath, find: Find): string {
  const [, grpcService = '', name = ''] = method.split('/');
  const found = find(service);
  const hash = found?.methods.get(method)?.versions[0] ?? '';
  const version = found?.versions.get(hash);
  if (version === undefined) return '';
  const element = openDescriptorSet(version.descriptorSet)
    .getService(grpcService)
    ?.methods.find((one) => one.name === name);
  return element === undefined ? '' : sourceLine(element);
}
