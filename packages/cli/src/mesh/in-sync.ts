import type { GetStatusResponse } from '@weft/api/weft/api/v1/mesh';
import { typeUrls } from '@weft/compiler/envoy/resource';
import { proxySync } from '@weft/compiler/model/proxy-sync';

/** Why not every proxy of `names` (`namespace/name`) has what it was given, in a few words; empty when all have. */
export function notInSync(status: GetStatusResponse, names: readonly string[]): string {
  const workloads = new Map(status.workloads.map((workload) => [`${workload.namespace}/${workload.name}`, workload]));
  for (const name of names) {
    const workload = workloads.get(name);
    if (!workload) return `the control plane does not know ${name} yet`;
    const sync = proxySync(workload.proxy?.acknowledgements);
    if (sync === 'refused') {
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
      !proxy?.acknowledgements.some((row) => row.typeUrl === typeUrls.endpoints && proxySync([row]) === 'behind'),
  );
}
