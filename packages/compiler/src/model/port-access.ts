import type { LogicalName } from './names.ts';
import type { Service, ServicePort } from './service.ts';

/**
 * Who may use a port of a service. `methods`: its methods say, each for itself. Else it is one rule for all that passes: the
 * workloads of the service's own namespace, or the logical names that a MeshPolicy gives for "/*".
 */
export type PortAccess = 'methods' | 'namespace' | { readonly callers: ReadonlySet<LogicalName> };

const nobody: PortAccess = { callers: new Set() };

/** Every port of a service, the main one first. */
export function portsOf(service: Pick<Service, 'port' | 'protocol' | 'otherPorts'>): ServicePort[] {
  return [{ port: service.port, protocol: service.protocol }, ...service.otherPorts];
}

/** The ports of a service at which it is called by host name, the main one first. */
export function httpPorts(service: Pick<Service, 'port' | 'protocol' | 'otherPorts'>): readonly number[] {
  return portsOf(service).flatMap(({ port, protocol }) => (protocol === 'tcp' ? [] : port));
}

/** Who may use a port. Contracts and MeshPolicies are about the main port; the others belong to the service's namespace. */
export function portAccess(
  service: Pick<Service, 'port' | 'protocol' | 'ungoverned' | 'methods'>,
  port: number,
): PortAccess {
  if (port !== service.port || service.ungoverned) return 'namespace';
  if (service.protocol !== 'tcp') return 'methods';
  const all = service.methods.get('/*');
  return all ? { callers: all.callers } : nobody;
}
