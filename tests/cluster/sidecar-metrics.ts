/** What a sidecar counts, by the port that every pod of the mesh has for it. */
async function metricsOf(podIP: string): Promise<string[]> {
  const response = await fetch(`http://${podIP}:9901/stats/prometheus`, { signal: AbortSignal.timeout(5000) });
  return (await response.text()).split('\n');
}

/** Calls that a pod's sidecar has passed on to its application. */
export async function callsOf(podIP: string): Promise<number> {
  let calls = 0;
  for (const line of await metricsOf(podIP)) {
    if (/^envoy_cluster_upstream_rq_total\{.*inbound/.test(line)) calls += Number(line.split(' ').at(-1));
  }
  return calls;
}

/** The clusters towards services that a pod's sidecar has, with how many endpoints each has; by name. */
export async function outboundClusters(podIP: string): Promise<ReadonlyMap<string, number>> {
  const clusters = new Map<string, number>();
  for (const line of await metricsOf(podIP)) {
    const [, name, value] =
      /^envoy_cluster_membership_total\{envoy_cluster_name="(outbound[^"]*)"\} (\d+)/.exec(line) ?? [];
    if (name) clusters.set(name, Number(value));
  }
  return new Map([...clusters].sort());
}

/** The sum of a pod's counters of that name which have these labels; 0 before the first. */
export async function counterOf(
  podIP: string | undefined,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<number> {
  if (!podIP) throw new Error('the pod has no address');
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  let sum = 0;
  for (const line of await metricsOf(podIP)) {
    if (line.startsWith(`${name}{`) && wanted.every((text) => line.includes(text)))
      sum += Number(line.split(' ').at(-1));
  }
  return sum;
}
