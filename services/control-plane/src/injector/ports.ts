// Ports of a pod that its sidecar takes. Applications cannot have them.

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

/** Whether a port is one of the proxy's; gRPC probes have ten at most in practice. */
export function isProxyPort(port: number): boolean {
  return (
    [inboundPort, outboundPort, readyPort].includes(port) || (port >= readinessPort && port < firstGrpcProbePort + 10)
  );
}

/** The user and group of the proxy. Interception leaves alone what this user sends. */
export const proxyUser = 1337;
