import type { Mesh, ServiceId } from '@weft/compiler/model/mesh';

/**
 * What a refused resource was made from, for a person: the contracts and services that its name stands for. A name holds the id of
 * its service or gateway ("outbound|shop/orders"); one that holds none belongs to the proxy as a whole.
 */
export function nackSource(mesh: Mesh, names: readonly string[]): string {
  return names.map((name) => `${name} (${sourceOf(mesh, name)})`).join(', ');
}

function sourceOf(mesh: Mesh, name: string): string {
  const parts = name.split('|');
  for (const part of parts) {
    const service = isServiceId(part) ? mesh.services.get(part) : undefined;
    if (service === undefined) continue;
    const contracts = [...service.versions.values()].map((version) => version.origin);
    return [`Service ${service.id}`, ...contracts].join(', ');
  }
  const gateway = parts[0] === 'gateway' && parts[1] !== undefined ? mesh.gateways.get(parts[1]) : undefined;
  return gateway === undefined ? 'the workload itself' : `Gateway ${gateway.name}`;
}

function isServiceId(text: string): text is ServiceId {
  return text.includes('/');
}
