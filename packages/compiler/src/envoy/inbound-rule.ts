import { identitiesOf } from '../model/identities.ts';
import type { Mesh } from '../model/mesh.ts';
import { isPermissive } from '../model/permissive.ts';
import { portAccess, portsOf } from '../model/port-access.ts';
import type { Protocol, Service } from '../model/service.ts';
import type { InboundPort, Workload } from '../model/workload.ts';
import type { PeerName } from './tls-context.ts';

/** What holds for one port at which a proxy takes calls. */
export interface InboundRule {
  readonly port: InboundPort;
  readonly protocol: Protocol;
  /** The service that says what is spoken; absent: the port is no service's. */
  readonly service?: Service;
  /** Who may call, where no methods say so. */
  readonly peers?: readonly PeerName[];
  /** Plain text is taken too, from anybody. Default: false. */
  readonly permissive?: boolean;
}

/** The rules of a proxy's ports, in the order of its ports. `own`: the services of the workload, the one with a contract first. */
export function inboundRules(mesh: Mesh, workload: Workload, own: readonly Service[]): InboundRule[] {
  return workload.inbound.map((port) => {
    const permissive = isPermissive(mesh.settings, workload, port.listen.port) ? { permissive: true } : {};
    const served =
      port.serves?.flatMap(({ service: id, port: number }) => {
        const service = mesh.services.get(id);
        return service ? [{ service, number }] : [];
      }) ?? own.slice(0, 1).map((service) => ({ service, number: service.port }));
    // Several Services may have one port of a pod: a contract's word goes before what all ports have.
    const first = served.find(({ service, number }) => portAccess(service, number) === 'methods') ?? served[0];
    if (first === undefined) return { port, protocol: 'grpc', ...permissive };
    const { service, number } = first;
    const protocol = portsOf(service).find((each) => each.port === number)?.protocol ?? 'tcp';
    if (portAccess(service, number) === 'methods') return { port, protocol, service, ...permissive };
    const peers = served.flatMap(({ service, number }) => peersOf(mesh, service, number));
    return {
      port,
      protocol,
      service,
      ...permissive,
      peers: [...new Map(peers.map((peer) => [peer.value, peer])).values()],
    };
  });
}

function peersOf(mesh: Mesh, service: Service, port: number): PeerName[] {
  const access = portAccess(service, port);
  if (access === 'methods') return [];
  if (access === 'namespace') return [{ case: 'prefix', value: namespacePrefix(mesh, service.namespace) }];
  return identitiesOf(access.callers, mesh).map((value) => ({ case: 'exact', value }));
}

function namespacePrefix({ settings }: Mesh, namespace: string): string {
  return `spiffe://${settings.trustDomain}/ns/${namespace}/sa/`;
}
