import { identitiesOf } from '../model/identities.ts';
import type { LogicalName, Mesh, ServiceId } from '../model/mesh.ts';
import { portAccess, portsOf } from '../model/port-access.ts';
import type { Protocol } from '../model/service.ts';
import type { InboundPort } from '../model/workload.ts';
import type { CalledService } from './called-services.ts';
import type { PeerName } from './tls-context.ts';

/** What holds for one port at which a proxy takes calls. */
export interface InboundRule {
  readonly port: InboundPort;
  readonly protocol: Protocol;
  /** The service that says what is spoken; absent: the port is no service's. */
  readonly service?: { readonly id: ServiceId; readonly logicalName?: LogicalName };
  /** Who may call, where no methods say so. */
  readonly peers?: readonly PeerName[];
  /** Plain text is taken too, from anybody. Default: false. */
  readonly permissive?: boolean;
}

/** What the rules of a proxy's ports depend on. */
export interface RuleSurroundings {
  readonly trustDomain: string;
  /** The service of the workload, the one with a contract first. */
  readonly own: CalledService | undefined;
  service(id: ServiceId): CalledService | undefined;
  /** Who speaks under these names. */
  identities(names: ReadonlySet<LogicalName>): Pick<Mesh, 'identities' | 'sharedIdentities'>;
}

/** The rule of one of a proxy's ports. */
export function inboundRule(port: InboundPort, isPermissive: boolean, around: RuleSurroundings): InboundRule {
  const { own } = around;
  const permissive = isPermissive ? { permissive: true } : {};
  const served =
    port.serves?.flatMap(({ service: id, port: number }) => {
      const service = around.service(id);
      return service ? [{ service, number }] : [];
    }) ?? (own ? [{ service: own, number: own.port }] : []);
  // Several Services may have one port of a pod: a contract's word goes before what all ports have.
  const first = served.find(({ service, number }) => portAccess(service, number) === 'methods') ?? served[0];
  if (first === undefined) return { port, protocol: 'grpc', ...permissive };
  const { service, number } = first;
  const { id, logicalName } = service;
  const said = { id, ...(logicalName === undefined ? {} : { logicalName }) };
  const protocol = portsOf(service).find((each) => each.port === number)?.protocol ?? 'tcp';
  if (portAccess(service, number) === 'methods') return { port, protocol, service: said, ...permissive };
  const peers = served.flatMap(({ service, number }) => peersOf(service, number, around));
  const distinct = [...new Map(peers.map((peer) => [peer.value, peer])).values()];
  return { port, protocol, service: said, ...permissive, peers: distinct };
}

function peersOf(service: CalledService, port: number, { trustDomain, identities }: RuleSurroundings): PeerName[] {
  const access = portAccess(service, port);
  if (access === 'methods') return [];
  if (access === 'namespace') return [{ case: 'prefix', value: `spiffe://${trustDomain}/ns/${service.namespace}/sa/` }];
  return identitiesOf(access.callers, identities(access.callers)).map((value) => ({ case: 'exact', value }));
}
