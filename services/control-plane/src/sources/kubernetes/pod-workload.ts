import { weftApiVersion } from '@weft/compiler/model/resource-ref';
import { marks } from '@weft/compiler/pod/marks';
import { sidecarName } from '@weft/compiler/pod/names';
import { outboundPort } from '@weft/compiler/pod/ports';
import { z } from 'zod';
import type { KubernetesObject } from '../../kubernetes/object.ts';

const container = z.looseObject({
  name: z.string(),
  ports: z
    .array(z.looseObject({ name: z.string().optional(), containerPort: z.number(), protocol: z.string().optional() }))
    .nullish(),
});

/** As much of a Pod (core/v1) as says what it is in the mesh. */
const podSchema = z.looseObject({
  spec: z.looseObject({
    serviceAccountName: z.string().optional(),
    hostNetwork: z.boolean().optional(),
    containers: z.array(container),
    initContainers: z.array(container).nullish(),
  }),
  status: z
    .looseObject({
      phase: z.string().optional(),
      podIP: z.string().optional(),
      podIPs: z.array(z.looseObject({ ip: z.string() })).nullish(),
      conditions: z
        .array(
          z.looseObject({
            type: z.string(),
            status: z.string(),
            reason: z.string().nullish(),
            message: z.string().nullish(),
          }),
        )
        .nullish(),
    })
    .optional(),
});

/** What EndpointSlices say of a pod. */
export interface SliceView {
  /** A slice denies that it is ready. */
  readonly denied: boolean;
  readonly zone?: string;
}

/** A pod as a weft.dev/v1 Workload, unread; what is wrong with it; or nothing, when it is none. */
export type PodOutcome =
  | { readonly document: object }
  | { readonly problem: { readonly field: string; readonly message: string; readonly advice: string } }
  | undefined;

/**
 * The replica that a pod is. A pod without an address has none yet, one that has ended has none any more, and one that is being
 * deleted takes no calls from the moment that this is known.
 */
export function podWorkload(pod: KubernetesObject, slices: SliceView | undefined): PodOutcome {
  const { metadata } = pod;
  const read = podSchema.safeParse(pod);
  if (!read.success) {
    const [issue] = read.error.issues;
    return {
      problem: { field: issue?.path.join('.') ?? '', message: issue?.message ?? '', advice: 'a Pod (core/v1)' },
    };
  }
  const { spec, status = {} } = read.data;
  const gateway = metadata.labels?.[marks.gateway];
  const isInjected = spec.initContainers?.some(({ name }) => name === sidecarName) ?? false;
  if (gateway === undefined && !isInjected) {
    const field = `metadata.labels["${marks.injected}"]`;
    const message = 'says that the pod is injected, but it has no sidecar; it is not in the mesh';
    return { problem: { field, message, advice: 'leave that label to the injector' } };
  }
  if (spec.hostNetwork && gateway === undefined) {
    const message = 'gives the pod the addresses of its node, which are not its own; it is not in the mesh';
    return { problem: { field: 'spec.hostNetwork', message, advice: 'a pod with a network of its own' } };
  }
  const addresses = [...new Set([status.podIP, ...(status.podIPs ?? []).map(({ ip }) => ip)])].filter(
    (address) => address !== undefined && address !== '',
  );
  const [address] = addresses;
  if (address === undefined || status.phase === 'Succeeded' || status.phase === 'Failed') return undefined;
  const contract = metadata.labels?.[marks.contract] ?? metadata.annotations?.[marks.contract];
  const serviceAccount = spec.serviceAccountName ?? 'default';
  const common = {
    serviceAccount,
    ...(contract === undefined ? {} : { contract }),
    ...(slices?.zone !== undefined && isZone(slices.zone) ? { zone: slices.zone } : {}),
  };
  const own =
    gateway === undefined
      ? { outbound: `127.0.0.1:${outboundPort}`, pod: network(pod, spec, addresses) }
      : { gateway: { name: gateway, listen: at(address, metadata.annotations?.[marks.gatewayPort] ?? '8080') } };
  return {
    document: {
      apiVersion: weftApiVersion,
      kind: 'Workload',
      metadata: { namespace: metadata.namespace, name: metadata.name, labels: metadata.labels ?? {} },
      spec: { ...common, ...own },
      status: readiness(pod, status, slices),
    },
  };
}

type PodSpec = z.output<typeof podSchema>['spec'];
type PodStatus = NonNullable<z.output<typeof podSchema>['status']>;

function network({ metadata }: KubernetesObject, spec: PodSpec, addresses: readonly (string | undefined)[]): object {
  const application = metadata.annotations?.[marks.application];
  const portNames = new Map<string, number>();
  for (const { name, ports } of [...(spec.initContainers ?? []), ...spec.containers]) {
    if (name === sidecarName) continue;
    for (const port of ports ?? []) {
      const { name: portName, protocol = 'TCP', containerPort } = port;
      if (portName !== undefined && protocol === 'TCP' && !portNames.has(portName))
        portNames.set(portName, containerPort);
    }
  }
  return {
    addresses,
    interception: metadata.labels?.[marks.injected] === 'none' ? 'none' : 'redirect',
    ...(application === undefined ? {} : { application }),
    portNames: Object.fromEntries(portNames),
  };
}

function readiness({ metadata }: KubernetesObject, status: PodStatus, slices: SliceView | undefined): object {
  if (metadata.deletionTimestamp) return { ready: false, reason: 'it is being deleted' };
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status !== 'True') {
    const why = ready?.message || ready?.reason || (status.phase === 'Pending' ? 'it starts' : undefined);
    return { ready: false, ...(why === undefined ? {} : { reason: why }) };
  }
  if (slices?.denied) return { ready: false, reason: 'its EndpointSlice says that it is not ready' };
  return { ready: true };
}

/** A zone as a label of a node can name it: nobody's Workload is wrong because of another. */
function isZone(text: string): boolean {
  return /^[\w.-]{1,63}$/.test(text);
}

function at(address: string, port: string): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
