import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { Part } from './parts.ts';

/** A configuration that was pushed. Times are milliseconds since the epoch. */
export interface Revision {
  /** Counts up from 1, over restarts too. */
  readonly number: number;
  /** The hash of its content. */
  readonly id: string;
  readonly atMs: number;
  readonly causes: readonly string[];
  readonly endpointsOnly: boolean;
  /** Proxies that were sent something of it, and those that took all of that. */
  readonly sent: number;
  readonly acknowledged: number;
  /** By workload, in order; of older revisions only refusals. */
  readonly answers: ReadonlyMap<WorkloadId, ProxyAnswer>;
}

/** How far a proxy has come with a revision. */
export interface ProxyAnswer {
  /** Absent: not yet. */
  readonly acknowledgedAtMs?: number;
  /** What it refused, in Envoy's words. */
  readonly nack?: string;
}

/** A line of a segment. Names are short because there are many lines. */
export type RevisionRecord = BaseRecord | AnswersRecord;

/** A revision: all of its parts (`full`), or what differs from the one before it in the segment. */
export interface BaseRecord {
  readonly k: 'r';
  readonly n: number;
  readonly id: string;
  /** The digest of all parts, as `SetDigest` writes it. Absent in records of earlier versions. */
  readonly sum?: string;
  readonly at: number;
  readonly causes: readonly string[];
  readonly endpoints: boolean;
  readonly full: boolean;
  readonly set: Readonly<Record<string, Part>>;
  readonly removed: readonly string[];
}

/** What proxies have answered to a revision: workload, time of the acknowledgement or 0, refusal or nothing. */
export interface AnswersRecord {
  readonly k: 'a';
  readonly n: number;
  readonly answers: readonly (readonly [WorkloadId, number, string?])[];
  /** How many proxies more were sent something, and how many of them took all of it; this record then says all that is known. */
  readonly others?: readonly [sent: number, acknowledged: number];
}
