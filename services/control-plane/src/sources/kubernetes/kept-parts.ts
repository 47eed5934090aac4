import type { WatchedName } from '../../kubernetes/cluster-objects.ts';
import type { KubernetesObject } from '../../kubernetes/object.ts';

/**
 * The parts of a value that are kept: all of it, some fields of an object, or a part of each item of a list. `bytes`: an object of
 * texts in Base64, which are kept as bytes; as text they would take more, and be there twice once they are read.
 */
type Parts = 'all' | 'bytes' | { readonly [field: string]: Parts } | readonly [Parts];

const metadata = {
  name: 'all',
  namespace: 'all',
  uid: 'all',
  resourceVersion: 'all',
  generation: 'all',
  labels: 'all',
  annotations: 'all',
  creationTimestamp: 'all',
  deletionTimestamp: 'all',
} as const;
const kind = { apiVersion: 'all', kind: 'all', metadata } as const;
const ours = { ...kind, spec: 'all', status: 'all' } as const;
const container = { name: 'all', ports: [{ name: 'all', containerPort: 'all', protocol: 'all' }] } as const;
const pod = {
  ...kind,
  spec: { serviceAccountName: 'all', hostNetwork: 'all', containers: [container], initContainers: [container] },
  status: {
    phase: 'all',
    podIP: 'all',
    podIPs: 'all',
    conditions: [{ type: 'all', status: 'all', reason: 'all', message: 'all' }],
  },
} as const;
const endpoint = {
  conditions: { ready: 'all' },
  zone: 'all',
  targetRef: { kind: 'all', namespace: 'all', name: 'all' },
} as const;

/** Of what is not here, which is ours, everything. */
const keptParts: Readonly<Partial<Record<WatchedName, Parts>>> = {
  services: { ...kind, spec: { selector: 'all', ports: 'all', clusterIP: 'all', clusterIPs: 'all', type: 'all' } },
  namespaces: kind,
  pods: pod,
  gatewayPods: pod,
  endpointSlices: { ...kind, endpoints: [endpoint] },
  contracts: { ...kind, binaryData: 'bytes', data: 'all' },
};

/**
 * What is kept of an object: the parts that somebody here reads, and none but our own annotations. A cluster has thousands of pods,
 * and most of what a pod says is for the kubelet. A part that has another shape than it should is kept as it came, so that its
 * reader can say so.
 */
export function keepParts(name: WatchedName, object: KubernetesObject): KubernetesObject {
  const { annotations, ...metadata } = object.metadata;
  const own = Object.entries(annotations ?? {}).filter(([key]) => key.startsWith('weft.dev/'));
  const withOwn = own.length === 0 ? metadata : { ...metadata, annotations: Object.fromEntries(own) };
  // `metadata.name` is among the parts of every kind.
  return keep({ ...object, metadata: withOwn }, keptParts[name] ?? ours) as KubernetesObject;
}

function keep(value: unknown, parts: Parts): unknown {
  if (parts === 'all' || typeof value !== 'object' || value === null) return value;
  if (isList(parts)) return Array.isArray(value) ? value.map((item) => keep(item, parts[0])) : value;
  if (Array.isArray(value)) return value;
  if (parts === 'bytes') {
    const decoded = (text: unknown) => (typeof text === 'string' ? Buffer.from(text, 'base64') : text);
    return Object.fromEntries(Object.entries(value).map(([key, text]) => [key, decoded(text)]));
  }
  const kept: Record<string, unknown> = {};
  for (const field in parts) {
    const part = parts[field];
    const found: unknown = Reflect.get(value, field);
    if (part !== undefined && found !== undefined) kept[field] = keep(found, part);
  }
  return kept;
}

function isList(parts: Parts): parts is readonly [Parts] {
  return Array.isArray(parts);
}
