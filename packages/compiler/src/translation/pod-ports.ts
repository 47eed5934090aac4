import type { ServiceFact, ServicePortFact } from '../facts/facts.ts';
import type { ServiceId } from '../model/mesh.ts';
import type { InboundPort, PodNetwork, ServedPort } from '../model/workload.ts';
import { isProxyPort } from '../pod/ports.ts';

/**
 * Where the proxy of a pod takes calls: at the pod's own port of each Service that selects it. `services`: those, in order. A port
 * that a Service names and the pod does not have is left out, and so is one of the proxy's own.
 */
export function podPorts(pod: PodNetwork, services: readonly ServiceFact[]): InboundPort[] {
  const served = new Map<number, ServedPort[]>();
  for (const fact of services) {
    const service: ServiceId = `${fact.namespace}/${fact.name}`;
    for (const port of fact.ports) {
      const own = ownPort(pod, port);
      if (own !== undefined && !isProxyPort(own))
        served.set(own, [...(served.get(own) ?? []), { service, port: port.port }]);
    }
  }
  const [host = ''] = pod.addresses;
  return [...served].map(([port, serves], index) => ({
    listen: { host, port },
    // The kit serves one port, which is the main one.
    application: (index === 0 ? pod.application : undefined) ?? { host: '127.0.0.1', port },
    serves,
  }));
}

function ownPort(pod: PodNetwork, { port, targetPort = port }: ServicePortFact): number | undefined {
  if (typeof targetPort === 'number') return targetPort;
  // A port may be called "constructor".
  return Object.hasOwn(pod.portNames, targetPort) ? pod.portNames[targetPort] : undefined;
}
