import { create } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { type Denial, type GetStatusResponse, GetStatusResponseSchema } from '@weft/contracts/weft/api/v1/mesh';

/**
 * What several replicas of the control plane say, as one status: each knows the whole mesh, but only the proxies that are connected
 * to it and the calls that it refused itself. The first answers for everything else.
 */
export function mergeStatus(answers: readonly GetStatusResponse[]): GetStatusResponse {
  const [first, ...others] = answers;
  if (first === undefined) return create(GetStatusResponseSchema);
  const proxies = new Map<string, GetStatusResponse['workloads'][number]['proxy']>();
  for (const { workloads } of answers) {
    for (const { namespace, name, proxy } of workloads) {
      const key = `${namespace}/${name}`;
      const known = proxies.get(key);
      // One that has just moved may still be counted where it was.
      const isNewer =
        proxy?.connectedAt &&
        timestampMs(proxy.connectedAt) > (known?.connectedAt ? timestampMs(known.connectedAt) : 0);
      if (proxy && (!known || isNewer)) proxies.set(key, proxy);
    }
  }
  const denials = new Map<string, Denial>();
  for (const { denials: some } of [first, ...others]) {
    for (const denial of some) {
      const key = `${denial.caller} ${denial.method}`;
      const known = denials.get(key);
      denials.set(key, known ? { ...denial, count: known.count + denial.count } : denial);
    }
  }
  return {
    ...first,
    workloads: first.workloads.map((workload) => {
      const proxy = proxies.get(`${workload.namespace}/${workload.name}`);
      const { proxy: _, ...rest } = workload;
      return proxy ? { ...rest, proxy } : rest;
    }),
    denials: [...denials.values()],
  };
}
