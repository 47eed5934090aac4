import { create } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import {
  type Denial,
  type GetStatusResponse,
  GetStatusResponseSchema,
  type PlainText,
  type PlainTextCall,
} from '@weft/api/weft/api/v1/mesh';

/**
 * Merges the statuses of several control plane replicas. Each knows the whole mesh, but only its own connected proxies and the calls that
 * it refused itself. Everything else comes from the first.
 */
export function mergeStatus(answers: readonly GetStatusResponse[]): GetStatusResponse {
  const [first, ...others] = answers;
  if (first === undefined) return create(GetStatusResponseSchema);
  const proxies = new Map<string, GetStatusResponse['workloads'][number]['proxy']>();
  for (const { workloads } of answers) {
    for (const { namespace, name, proxy } of workloads) {
      const key = `${namespace}/${name}`;
      const known = proxies.get(key);
      // A proxy that has just moved may still be counted at its old replica.
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
    ...(first.plainText ? { plainText: mergePlainText(first.plainText, answers) } : {}),
  };
}

/** The time since which all replicas count: a replica that has just started missed earlier calls. */
function mergePlainText(first: PlainText, answers: readonly GetStatusResponse[]): PlainText {
  const calls = new Map<string, PlainTextCall>();
  let countedSince = first.countedSince;
  for (const { plainText } of answers) {
    const since = plainText?.countedSince;
    if (since && countedSince && timestampMs(since) > timestampMs(countedSince)) countedSince = since;
    for (const call of plainText?.calls ?? []) {
      const key = `${call.caller} ${call.target}`;
      const known = calls.get(key);
      const later = known?.lastAt && call.lastAt && timestampMs(known.lastAt) > timestampMs(call.lastAt) ? known : call;
      calls.set(key, known ? { ...later, count: known.count + call.count } : call);
    }
  }
  return { ...first, calls: [...calls.values()], ...(countedSince ? { countedSince } : {}) };
}
