import type { GatewayFact } from '../facts/facts.ts';
import type { Gateway } from '../model/gateway.ts';
import { templateShape } from '../model/http-template.ts';
import type { ServiceId } from '../model/mesh.ts';
import { isExposed } from '../model/method.ts';
import type { Problem } from '../model/problem.ts';
import { serviceRef, workloadRef } from '../model/resource-ref.ts';
import type { Service } from '../model/service.ts';
import type { Workload } from '../model/workload.ts';

/** Puts replicas behind gateways, and finds what two services would serve at one path there. */
export function assembleGateways(
  facts: readonly GatewayFact[],
  workloads: readonly Workload[],
  services: ReadonlyMap<ServiceId, Service>,
): { gateways: ReadonlyMap<string, Gateway>; problems: Problem[] } {
  const gateways = new Map<string, Gateway>();
  for (const { origin: _, ...settings } of [...facts].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const replicas = workloads.filter(({ gateway }) => gateway?.name === settings.name).map(({ id }) => id);
    gateways.set(settings.name, { ...settings, workloads: replicas });
  }
  const problems: Problem[] = workloads
    .filter(({ gateway }) => gateway && !gateways.has(gateway.name))
    .map(({ id, gateway }) => ({
      resource: `Workload ${id}`,
      about: [workloadRef(id)],
      field: 'spec.gateway.name',
      message: `there is no Gateway ${gateway?.name}; the replica serves nothing`,
      advice: gateways.size > 0 ? [...gateways.keys()].join(', ') : 'a weft.dev/v1 Gateway with that name',
    }));
  return { gateways, problems: [...problems, ...sharedPaths(services)] };
}

/** Of two services that expose one path, a gateway serves that whose id comes first. */
function sharedPaths(services: ReadonlyMap<ServiceId, Service>): Problem[] {
  const taken = new Map<string, ServiceId>();
  const problems: Problem[] = [];
  for (const service of services.values()) {
    for (const method of service.methods.values()) {
      if (!isExposed(method)) continue;
      const rest = method.http.map(({ verb, template }) => `${verb} ${templateShape(template)}`);
      for (const path of [method.path, ...rest]) {
        const first = taken.get(path);
        if (first === undefined) taken.set(path, service.id);
        else if (first !== service.id) {
          problems.push({
            resource: `Service ${service.id}`,
            about: [serviceRef(service.id)],
            field: method.path.slice(1),
            message: `${path} is also exposed by Service ${first}, which the edge serves there`,
            advice: 'another path, or no exposure in one of the two',
          });
        }
      }
    }
  }
  return problems;
}
