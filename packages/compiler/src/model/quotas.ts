/** How much a namespace may publish. Whoever names a caller costs that caller's proxies memory, so it is bounded. */
export interface Quotas {
  /** Methods of one contract; each REST path of a method beyond its first counts as one. Default: 2,000. */
  readonly contractMethods: number;
  /** Bytes of one descriptor set, with its imports. Default: 2 MiB, which takes seconds to read at worst. */
  readonly contractBytes: number;
  /** The same of all contracts of one namespace, each version counted. Default: 10,000. */
  readonly namespaceMethods: number;
  /** Bytes of all descriptor sets of one namespace. Default: 32 MiB. */
  readonly namespaceBytes: number;
  /**
   * Bytes of descriptor sets that the REST of a namespace takes at a gateway, each as often as a route holds it; Envoy makes some ten
   * times as much of them. Default: 16 MiB.
   */
  readonly gatewayBytes: number;
}

/** The quotas of a mesh that says nothing. */
export const defaultQuotas: Quotas = {
  contractMethods: 2000,
  contractBytes: 2 << 20,
  namespaceMethods: 10_000,
  namespaceBytes: 32 << 20,
  gatewayBytes: 16 << 20,
};

/** The largest descriptor set that is read at all, whatever quotas say. In bytes. */
export const maxContractBytes = 16 << 20;
