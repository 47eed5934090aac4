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

/** What a stream was sent. */
export interface SentEvent {
  readonly workload: WorkloadId;
  readonly typeUrl: TypeUrl;
  readonly nonce: string;
  /** By name only: a secret's bytes are for its proxy. */
  readonly resources: readonly { readonly name: string }[];
  readonly removed: readonly string[];
}

/** What a proxy held already when its stream began. It says so itself, and may say anything. */
export interface BroughtEvent {
  readonly workload: WorkloadId;
  /** Names of clusters. */
  readonly clusters: readonly string[];
}

/** Those who are told of one kind of event. */
export class Listeners<Event> {
  readonly #listeners = new Set<(event: Event) => void>();

  /** Whether there is anyone, so that an event need not be made for nobody. */
  get any(): boolean {
    return this.#listeners.size > 0;
  }

  /** Returns a function that takes the listener off again. */
  add(listener: (event: Event) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(event: Event): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** As much of a logger as delivery needs. */
export interface XdsLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}
