import type { GetStatusResponse } from '@weft/api/weft/api/v1/mesh';
import { typeUrls } from '@weft/compiler/envoy/resource';
import { proxySync } from '@weft/compiler/model/proxy-sync';

/** Why a proxy of `names` (`namespace/name`) does not have its configuration, in a few words; empty if all have it. */
export function notInSync(status: GetStatusResponse, names: readonly string[]): string {
  const workloads = new Map(status.workloads.map((workload) => [`${workload.namespace}/${workload.name}`, workload]));
  for (const name of names) {
    const workload = workloads.get(name);
    if (!workload) return `the control plane does not know ${name} yet`;
    const sync = proxySync(workload.proxy?.acknowledgements);
    if (sync === 'refused') {
      const nack = workload.proxy?.acknowledgements.find((row) => row.nack !== '')?.nack ?? '';
      return `the Envoy of ${name} rejects its configuration: ${nack}`;
    }
    if (sync === 'not connected') return `the Envoy of ${name} is not connected`;
    if (sync === 'behind') return `the Envoy of ${name} has not accepted its configuration yet`;
  }
  return '';
}

/** Whether every connected proxy has accepted its endpoints. */
export function endpointsTaken(status: GetStatusResponse): boolean {
  return status.workloads.every(
    ({ proxy }) =>
      !proxy?.acknowledgements.some((row) => row.typeUrl === typeUrls.endpoints && proxySync([row]) === 'behind'),
  );
}
