import type { Proxy as ConnectedProxy, GetStatusResponse } from '@weft/contracts/weft/api/v1/mesh';

/** How far one proxy has taken what it was given. */
export type ProxySync = 'not connected' | 'in sync' | 'behind' | 'NACK';

/** Sums up the acknowledgements of a proxy; a refusal outweighs what is only under way. */
export function proxySync(proxy: ConnectedProxy | undefined): ProxySync {
  if (!proxy) return 'not connected';
  if (proxy.acknowledgements.some((row) => row.nack !== '')) return 'NACK';
  if (proxy.acknowledgements.length === 0) return 'behind';
  if (proxy.acknowledgements.some((row) => row.sentVersion !== row.ackedVersion)) return 'behind';
  return 'in sync';
}

/** Why not every proxy of `names` (`namespace/name`) has what it was given, in a few words; empty when all have. */
export function notInSync(status: GetStatusResponse, names: readonly string[]): string {
  const workloads = new Map(status.workloads.map((workload) => [`${workload.namespace}/${workload.name}`, workload]));
  for (const name of names) {
    const workload = workloads.get(name);
    if (!workload) return `the control plane does not know ${name} yet`;
    const sync = proxySync(workload.proxy);
    if (sync === 'NACK') {
      const nack = workload.proxy?.acknowledgements.find((row) => row.nack !== '')?.nack ?? '';
      return `the Envoy of ${name} refuses its configuration: ${nack}`;
    }
    if (sync === 'not connected') return `the Envoy of ${name} is not connected`;
    if (sync === 'behind') return `the Envoy of ${name} has not taken its configuration yet`;
  }
  return '';
}

/** Whether every connected proxy has taken the endpoints that it was given. */
export function endpointsTaken(status: GetStatusResponse): boolean {
  return status.workloads.every(
    ({ proxy }) =>
      !proxy?.acknowledgements.some(
        (row) => row.typeUrl.endsWith('ClusterLoadAssignment') && !row.nack && row.sentVersion !== row.ackedVersion,
      ),
  );
}
