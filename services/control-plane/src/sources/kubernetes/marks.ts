/** Labels and annotations by which users of Kubernetes speak to the source; the injector has its own. */
export const marks = {
  /** On a Service: `enabled` or `disabled`, whatever its namespace says. */
  mesh: 'weft.dev/mesh',
  /** On a namespace: its Services are the mesh's, and its pods get sidecars. */
  inject: 'weft.dev/inject',
  /** On a pod, by the injector: how it is intercepted. */
  injected: 'weft.dev/injected',
  /** On a pod, by the injector: where its application listens. */
  application: 'weft.dev/application',
  /** A label of a ConfigMap with a descriptor set; a label or an annotation of a pod that runs it: its hash. */
  contract: 'weft.dev/contract',
  /** On a ConfigMap: which part of a descriptor set it has, "1/2". */
  part: 'weft.dev/contract-part',
  /** A label of a pod: it is a replica of this gateway. */
  gateway: 'weft.dev/gateway',
  /** On such a pod: where its proxy listens. Default: 8080. */
  gatewayPort: 'weft.dev/gateway-port',
} as const;
