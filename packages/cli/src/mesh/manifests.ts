import { defaultLabel, edgeName } from '@weft/compiler/model/names';
import { weftApiVersion } from '@weft/compiler/model/resource-ref';
import { stringify } from 'yaml';
import type { ServiceManifest } from '../service-manifest.ts';

/** A replica as the mesh directory describes it: a local process in place of a Pod. */
export interface WorkloadManifest {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  /** The content hash of its contract. */
  readonly contract?: string;
  readonly inbound: readonly { readonly listen: string; readonly application: string }[];
  readonly outbound?: string;
  readonly gateway?: { readonly name: string; readonly listen: string };
  readonly ready: boolean;
  /** Why it is not ready. */
  readonly reason?: string;
}

/** `weft.dev/v1 Workload`. */
export function workloadYaml(workload: WorkloadManifest): string {
  const { namespace, name, labels, ready, reason, ...spec } = workload;
  return stringify({
    apiVersion: weftApiVersion,
    kind: 'Workload',
    metadata: { namespace, name, labels },
    spec,
    status: { ready, ...(reason ? { reason } : {}) },
  });
}

/** The `v1 Service` of a local service: its replicas carry the label `app`. */
export function serviceYaml(service: Pick<ServiceManifest, 'namespace' | 'name'>): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: service.namespace, name: service.name },
    spec: {
      selector: { app: service.name },
      ports: [{ name: 'grpc', port: 8080, appProtocol: 'kubernetes.io/h2c' }],
    },
  });
}

/**
 * `weft.dev/v1 MeshConfig`: which namespace owns which proto packages, that the edge exposes those namespaces under every path, where
 * spans go, and that the access log has a line for every call, because on a laptop one person makes them all and wants to see them.
 */
export function meshConfigYaml(
  packages: readonly { readonly namespace: string; readonly protoPackage: string }[],
  tracing?: TracingEndpoint,
): string {
  return stringify({
    apiVersion: weftApiVersion,
    kind: 'MeshConfig',
    metadata: { name: 'mesh' },
    spec: {
      trustDomain: 'weft.local',
      packages,
      exposure: exposureOf(packages),
      accessLog: 'all',
      ...(tracing ? { tracing } : {}),
    },
  });
}

function exposureOf(packages: readonly { readonly namespace: string; readonly protoPackage: string }[]) {
  const speaking = packages.filter(({ protoPackage }) => protoPackage !== edgeName);
  return [...new Set(speaking.map(({ namespace }) => namespace))].map((namespace) => ({ namespace }));
}

/**
 * `weft.dev/v1 Gateway`: the edge, with reflection and with CORS for every local web server, because only this machine can reach it. A
 * user's own Gateway of that name replaces it.
 */
export function gatewayYaml(): string {
  return stringify({
    apiVersion: weftApiVersion,
    kind: 'Gateway',
    metadata: { name: edgeName, labels: { [defaultLabel]: 'true' } },
    spec: { reflection: true, corsOrigins: ['http://localhost:*', 'http://127.0.0.1:*'] },
  });
}

/** An OTLP/gRPC collector. */
export interface TracingEndpoint {
  readonly host: string;
  readonly port: number;
  readonly samplingPercent: number;
}

/**
 * Reads OTEL_EXPORTER_OTLP_ENDPOINT, which its specification defines as a URL. The default port is 4317 (OTLP/gRPC). Undefined if it is not
 * set or not a URL.
 */
export function tracingEndpoint(endpoint: string | undefined): TracingEndpoint | undefined {
  if (!endpoint || !URL.canParse(endpoint)) return undefined;
  const url = new URL(endpoint);
  if (!url.hostname) return undefined;
  return { host: url.hostname, port: url.port ? Number(url.port) : 4317, samplingPercent: 100 };
}

/** The namespaces of services, with the first part of their contracts' packages: `bakery` owns `bakery`. */
export function packageOwnership(
  services: readonly Pick<ServiceManifest, 'namespace' | 'contract'>[],
): { namespace: string; protoPackage: string }[] {
  const rows = new Map<string, { namespace: string; protoPackage: string }>();
  for (const { namespace, contract } of services) {
    const protoPackage = contract?.split('.')[0];
    if (protoPackage) rows.set(`${namespace} ${protoPackage}`, { namespace, protoPackage });
  }
  return [...rows.values()];
}
