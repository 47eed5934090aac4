// The ports that the mesh has for itself. In a pod with a sidecar, applications cannot have those of the sidecar.

/** Where intercepted calls from other pods arrive. */
export const inboundPort = 15_000;

/** Where the application's own calls go: redirected to it, or by WEFT_OUTBOUND. */
export const outboundPort = 15_001;

/** Plain text: GET /ready and GET /stats/prometheus. */
export const readyPort = 9901;

/** Plain text: what the kubelet asks (probes, lifecycle hooks, drain). */
export const kubeletPort = 15_020;

/** Plain text: the sidecar's own readiness as gRPC, in pods without interception. */
export const readinessPort = 15_019;

/** Plain text, HTTP/2: the first of the ports for gRPC probes, one for each port that the application has them on. */
export const firstGrpcProbePort = 15_021;

/** Those ports; a pod has ten at most in practice. */
const grpcProbePorts: readonly number[] = Array.from({ length: 10 }, (_, index) => firstGrpcProbePort + index);

/** A call of an application to one of these would go round in circles, or tell of others. */
export const refusedPorts: readonly number[] = [inboundPort, readinessPort, kubeletPort, ...grpcProbePorts];

/** Whether a port is one of the proxy's. */
export function isProxyPort(port: number): boolean {
  return port === outboundPort || port === readyPort || refusedPorts.includes(port);
}

/** The user and group of the proxy. Interception leaves alone what this user sends. */
export const proxyUser = 1337;

/** Ports of the control plane, in its own pod. */
export const controlPlanePorts = {
  /** xDS, for proxies. */
  xds: 15_012,
  /** GET /healthz and GET /readyz, for the kubelet. */
  health: 15_014,
  /** weft.api.v1, on loopback: for `kubectl port-forward`. */
  api: 15_010,
  /** The injector's webhook; its Service has 443. */
  webhook: 9443,
} as const;
