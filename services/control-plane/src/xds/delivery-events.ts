import type { TypeUrl } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { Refusal } from './watch.ts';

/** What a proxy took. */
export interface AckEvent {
  readonly workload: WorkloadId;
  readonly typeUrl: TypeUrl;
  readonly nonce: string;
  /** Of everything of the type that it now holds. */
  readonly version: string;
  /** It refuses nothing of the type. */
  readonly complete: boolean;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What a proxy refused. */
export interface NackEvent extends Refusal {
  readonly workload: WorkloadId;
  readonly typeUrl: TypeUrl;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What a stream was sent, by name only. */
export interface SentEvent {
  readonly workload: WorkloadId;
  readonly typeUrl: TypeUrl;
  readonly nonce: string;
  readonly resources: readonly string[];
  readonly removed: readonly string[];
}

/** As much of a logger as delivery needs. */
export interface XdsLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}
