/** How much a namespace may publish. Whoever names a caller costs that caller's proxies memory, so it is bounded. */
export interface Quotas {
  /** Methods of one contract. Default: 2,000. */
  readonly contractMethods: number;
  /** Bytes of one descriptor set, with its imports. Default: 2 MiB, which takes seconds to read at worst. */
  readonly contractBytes: number;
  /** Methods of all contracts of one namespace, each version counted. Default: 10,000. */
  readonly namespaceMethods: number;
  /** Bytes of all descriptor sets of one namespace. Default: 32 MiB. */
  readonly namespaceBytes: number;
}

/** The quotas of a mesh that says nothing. */
export const defaultQuotas: Quotas = {
  contractMethods: 2000,
  contractBytes: 2 << 20,
  namespaceMethods: 10_000,
  namespaceBytes: 32 << 20,
};

/** The largest descriptor set that is read at all, whatever quotas say. In bytes. */
export const maxContractBytes = 16 << 20;
