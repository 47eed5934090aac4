/**
 * Labels and annotations by which users of Kubernetes, the injector and the sources speak to one another. The injector's README.md
 * has the table for users.
 */
export const marks = {
  /** On a Service: `enabled` or `disabled`, whatever its namespace says. */
  mesh: 'weft.dev/mesh',
  /** On a namespace: its Services are the mesh's, and its pods get sidecars. On a pod: whether it gets one. */
  inject: 'weft.dev/inject',
  /** On a namespace or pod: `none` redirects no call. */
  interception: 'weft.dev/interception',
  /** On a pod: its containers that are made with the service kit. */
  kit: 'weft.dev/kit',
  inboundPorts: 'weft.dev/inbound-ports',
  excludeInboundPorts: 'weft.dev/exclude-inbound-ports',
  excludeOutboundPorts: 'weft.dev/exclude-outbound-ports',
  excludeOutboundAddresses: 'weft.dev/exclude-outbound-addresses',
  cpuRequest: 'weft.dev/proxy-cpu-request',
  cpuLimit: 'weft.dev/proxy-cpu-limit',
  memoryRequest: 'weft.dev/proxy-memory-request',
  memoryLimit: 'weft.dev/proxy-memory-limit',
  logLevel: 'weft.dev/proxy-log-level',
  concurrency: 'weft.dev/proxy-concurrency',
  /** A label of a pod, by the injector: how it is intercepted. */
  injected: 'weft.dev/injected',
  /** On a pod, by the injector: where its application listens, if not on 127.0.0.1 at the Service's target port. */
  application: 'weft.dev/application',
  /** A label of a ConfigMap with a descriptor set; a label or an annotation of a pod that runs it: its hash. */
  contract: 'weft.dev/contract',
  /** On a ConfigMap, for people: the logical name of its contract. */
  contractName: 'weft.dev/contract-name',
  /** On a ConfigMap: which part of a descriptor set it has, "1/2". */
  contractPart: 'weft.dev/contract-part',
  /** A label of a pod: it is a replica of this gateway. */
  gateway: 'weft.dev/gateway',
  /** On such a pod: where its proxy listens. Default: 8080. */
  gatewayPort: 'weft.dev/gateway-port',
} as const;
