import type { Collection, Graph } from '@weft/collections';
import type { FactCollections } from '../facts/fact-collections.ts';
import type { Gateway } from '../model/gateway.ts';
import { templateShape } from '../model/http-template.ts';
import type { WorkloadId } from '../model/mesh.ts';
import { isExposed, type Method } from '../model/method.ts';
import { idOf } from '../model/names.ts';
import type { Problem } from '../model/problem.ts';
import { serviceRef, workloadRef } from '../model/resource-ref.ts';
import { some } from './contract-versions.ts';
import type { Services } from './services.ts';
import type { Workloads } from './workloads.ts';

/** Gateways by name. */
export interface Gateways {
  readonly gateways: Collection<Gateway>;
  readonly problems: readonly Collection<readonly Problem[]>[];
}

/** Puts replicas behind gateways, and finds what two services would serve at one path there. */
export function meshGateways(
  graph: Graph,
  facts: FactCollections,
  { workloads }: Workloads,
  { merged }: Services,
): Gateways {
  const replicas = workloads.index('gateway', ({ gateway }) => (gateway ? [gateway.name] : []));
  const gateways = graph.derive(
    'gateways',
    facts.gateways,
    ({ origin: _, ...settings }, read): Gateway => ({
      ...settings,
      workloads: read.keys(replicas, settings.name) as WorkloadId[],
    }),
  );
  const strays = graph.derive('gateways that are not there', workloads, ({ gateway }, read, id) => {
    if (gateway === undefined || read.get(facts.gateways, gateway.name)) return undefined;
    const known = read.all(facts.gateways).map(({ name }) => name);
    return some([
      {
        resource: `Workload ${id}`,
        about: [workloadRef(idOf(id))],
        field: 'spec.gateway.name',
        message: `there is no Gateway ${gateway.name}; the replica serves nothing`,
        advice: known.length > 0 ? known.join(', ') : 'a weft.dev/v1 Gateway with that name',
      },
    ]);
  });
  const exposed = merged.index('exposed path', ({ methods }) => [...methods.values()].flatMap(exposedPaths));
  const rivals = graph.derive('paths in common', merged, ({ methods }, read, id) =>
    some(
      [...methods.values()].flatMap((method) =>
        exposedPaths(method).flatMap((path): Problem[] => {
          const [first = id] = read.keys(exposed, path);
          return first === id ? [] : [rival(id, method, path, first)];
        }),
      ),
    ),
  );
  return { gateways, problems: [strays, rivals] };
}

function exposedPaths(method: Method): string[] {
  const { path, http } = method;
  return isExposed(method) ? [path, ...http.map(({ verb, template }) => `${verb} ${templateShape(template)}`)] : [];
}

/** Of two services that expose one path, a gateway serves that whose id comes first. */
function rival(id: string, method: Method, path: string, first: string): Problem {
  return {
    resource: `Service ${id}`,
    about: [serviceRef(idOf(id))],
    field: method.path.slice(1),
    message: `${path} is also exposed by Service ${first}, which the edge serves there`,
    advice: 'another path, or no exposure in one of the two',
  };
}
