import { type ApiObject, keyOf } from './recorded-collection.ts';

/** What the controller of EndpointSlices reads and writes. */
export interface RecordedEndpointSlicesOptions {
  readonly service: (key: string) => ApiObject | undefined;
  readonly pod: (key: string) => ApiObject | undefined;
  /** Stores a slice. */
  readonly put: (slice: ApiObject) => void;
  /** How long a pod's change takes to reach its slice. */
  readonly delayMs: number;
}

/**
 * Keeps one EndpointSlice for each Service, as the controller of Kubernetes does: it holds every pod that the Service selects and
 * that has an address, and whether that pod is ready. A slice that stays the same is not written.
 */
export class RecordedEndpointSlices {
  readonly #options: RecordedEndpointSlicesOptions;
  /** Keys of Services and of pods, by "namespace label value"; a Service is under the first label that it selects. */
  readonly #services = new Map<string, Set<string>>();
  readonly #pods = new Map<string, Set<string>>();
  /** Services whose slice is due. */
  readonly #due = new Set<string>();
  readonly #written = new Map<string, string>();

  constructor(options: RecordedEndpointSlicesOptions) {
    this.#options = options;
  }

  serviceChanged(service: ApiObject): void {
    const [first] = selectorOf(service);
    if (first === undefined) return;
    const key = keyOf(service.metadata);
    put(this.#services, mark(service, first), key);
    this.#schedule(key);
  }

  podChanged(pod: ApiObject): void {
    for (const label of Object.entries(pod.metadata.labels ?? {})) {
      put(this.#pods, mark(pod, label), keyOf(pod.metadata));
      for (const service of this.#services.get(mark(pod, label)) ?? []) this.#schedule(service);
    }
  }

  #schedule(key: string): void {
    if (this.#due.has(key)) return;
    this.#due.add(key);
    setTimeout(() => {
      this.#due.delete(key);
      const service = this.#options.service(key);
      if (service) this.#write(key, service);
    }, this.#options.delayMs);
  }

  #write(key: string, service: ApiObject): void {
    const selector = selectorOf(service);
    const [first] = selector;
    if (first === undefined) return;
    const endpoints = [...(this.#pods.get(mark(service, first)) ?? [])].flatMap((name) => {
      const pod = this.#options.pod(name);
      const selected = selector.every(([label, value]) => pod?.metadata.labels?.[label] === value);
      return pod && selected ? endpointOf(pod) : [];
    });
    const ports = portsOf(service);
    const content = JSON.stringify([endpoints, ports]);
    if (this.#written.get(key) === content) return;
    this.#written.set(key, content);
    const { name, namespace, uid } = service.metadata;
    this.#options.put({
      metadata: {
        name: `${name}-${uid?.slice(0, 5)}`,
        ...(namespace === undefined ? {} : { namespace }),
        generateName: `${name}-`,
        labels: {
          'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
          'kubernetes.io/service-name': name,
        },
        ownerReferences: [
          { apiVersion: 'v1', blockOwnerDeletion: true, controller: true, kind: 'Service', name, uid: uid ?? '' },
        ],
      },
      endpoints,
      ports,
    });
  }
}

function selectorOf({ spec }: ApiObject): [string, string][] {
  const { selector }: { selector?: Record<string, string> } = Object(spec);
  return Object.entries(selector ?? {});
}

function mark({ metadata }: ApiObject, [label, value]: readonly [string, string]): string {
  return `${metadata.namespace} ${label} ${value}`;
}

function put(sets: Map<string, Set<string>>, key: string, value: string): void {
  const known = sets.get(key);
  if (known) known.add(value);
  else sets.set(key, new Set([value]));
}

interface PodFields {
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

function endpointOf(pod: ApiObject): object[] {
  const { spec, status }: PodFields = Object(pod);
  if (!status?.podIP) return [];
  const ready = status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True');
  const { name, namespace, uid } = pod.metadata;
  return [
    {
      addresses: [status.podIP],
      conditions: { ready: ready ?? false, serving: ready ?? false, terminating: false },
      nodeName: spec?.nodeName,
      targetRef: { kind: 'Pod', name, namespace, uid },
    },
  ];
}

function portsOf({ spec }: ApiObject): object[] {
  const { ports = [] }: { ports?: { appProtocol?: string; name?: string; port: number; targetPort?: number }[] } =
    Object(spec);
  return ports.map(({ appProtocol, name = '', port, targetPort = port }) => ({
    appProtocol,
    name,
    port: targetPort,
    protocol: 'TCP',
  }));
}
