import type { TypeUrl } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { StreamState } from './stream-state.ts';
import type { Refusal } from './watch.ts';

/** A connected proxy and how far it has come. */
export interface ProxyState {
  readonly workload: WorkloadId;
  readonly variant: 'delta' | 'sotw';
  /** When its stream began; milliseconds since the epoch. */
  readonly connectedAt: number;
  /** "1.40.0"; empty before its first message, and for clients that do not say. */
  readonly envoyVersion: string;
  /** A row for each type that it has asked for. */
  readonly types: ReadonlyMap<TypeUrl, TypeState>;
}

/** How far a proxy has taken one type of resource. */
export interface TypeState {
  /** A hash of the names and versions of all that it was sent or brought along. */
  readonly sentVersion: string;
  /** The `sentVersion` that it took last; absent: none yet. */
  readonly ackedVersion?: string;
  /** When it took that; milliseconds since the epoch. */
  readonly ackedAt?: number;
  /** Resources that it holds. */
  readonly resources: number;
  /** What it refuses, while it does. */
  readonly nack?: Nack;
}

/** A refusal and its time in milliseconds since the epoch. */
export interface Nack extends Refusal {
  readonly at: number;
}

/** The times of a stream's answers, by type. */
export interface AnswerTimes {
  readonly ackedAt: ReadonlyMap<TypeUrl, number>;
  readonly nackedAt: ReadonlyMap<TypeUrl, number>;
}

/** How far a stream has come, by type. */
export function typeStates(state: StreamState, times: AnswerTimes): ReadonlyMap<TypeUrl, TypeState> {
  const types = new Map<TypeUrl, TypeState>();
  for (const [typeUrl, watch] of state.watches) {
    const ackedAt = times.ackedAt.get(typeUrl);
    types.set(typeUrl, {
      sentVersion: watch.held.version,
      ...(watch.ackedVersion === undefined ? {} : { ackedVersion: watch.ackedVersion }),
      ...(ackedAt === undefined ? {} : { ackedAt }),
      resources: watch.held.size,
      ...(watch.refusal === undefined ? {} : { nack: { ...watch.refusal, at: times.nackedAt.get(typeUrl) ?? 0 } }),
    });
  }
  return types;
}
