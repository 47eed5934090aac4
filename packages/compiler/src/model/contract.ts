import type { Method } from './method.ts';
import type { LogicalName, ServiceId } from './names.ts';
import type { ResourceRef } from './resource-ref.ts';
import type { RetryBudget } from './retry-budget.ts';

/** One version of a contract: a descriptor set under its content hash, understood. */
export interface ContractVersion {
  /** SHA-256 of the descriptor set, its first 16 hex digits. */
  readonly hash: string;
  readonly namespace: string;
  readonly logicalName: LogicalName;
  /** Full names of its proto services. */
  readonly grpcServices: readonly string[];
  /** By path. */
  readonly methods: ReadonlyMap<string, Method>;
  readonly retryBudget: RetryBudget;
  readonly maxConcurrentRequests?: number;
  /** Whom the service says it calls, sorted: logical names, and Services by id where a MeshPolicy adds them. */
  readonly calls: readonly (LogicalName | ServiceId)[];
  /** The FileDescriptorSet itself, for reflection and REST. */
  readonly descriptorSet: Uint8Array;
  /** Where it was read ("contracts/bakery/bakery.orders.binpb"). */
  readonly origin: string;
  /** The resources that say it; absent: a file does. */
  readonly refs?: readonly ResourceRef[];
}
