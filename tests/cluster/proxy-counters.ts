import type { PodObject } from './cluster.ts';

/** A counter of a pod's proxy, as Prometheus would read it: the sum of all whose labels are these. */
export async function proxyCounter(
  pod: PodObject,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const { podIP } = pod.status;
  const url = `http://${podIP}:9901/stats/prometheus`;
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  let sum = 0;
  for (const line of (await response.text()).split('\n')) {
    if (!line.startsWith(`${name}{`) || !wanted.every((text) => line.includes(text))) continue;
    sum += Number(line.slice(line.lastIndexOf(' ') + 1));
  }
  return sum;
}
