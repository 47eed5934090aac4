import { create } from '@bufbuild/protobuf';
import type { Snapshot, TypeUrl } from '@weft/compiler/envoy/resource';
import { typeUrls } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import {
  DeltaDiscoveryRequestSchema,
  DiscoveryRequestSchema,
} from '@weft/envoy-api/envoy/service/discovery/v3/discovery';
import { isWaiting } from '../order.ts';
import { step } from '../stream.ts';
import { type StreamEffect, type StreamEvent, StreamState, type XdsResponse } from '../stream-state.ts';
import { TestView } from './views.ts';

/** The workload of every test stream. */
export const workload = 'bakery/orders-0';

/** What a client asks for in one request of a delta stream. */
export interface DeltaAsk {
  readonly subscribe?: readonly string[];
  readonly unsubscribe?: readonly string[];
  readonly initial?: Readonly<Record<string, string>>;
  readonly nonce?: string;
  readonly error?: string;
}

/** What a client asks for in one request of a state-of-the-world stream. */
export interface SotwAsk {
  readonly names?: readonly string[];
  readonly version?: string;
  readonly nonce?: string;
  readonly error?: string;
}

/** A stream under test: every event's effects are kept, responses apart. */
export class TestStream {
  readonly state: StreamState;
  readonly view = new TestView();
  readonly effects: StreamEffect[] = [];
  readonly responses: XdsResponse[] = [];
  #first = true;

  constructor(variant: 'delta' | 'sotw', snapshot?: Snapshot, owner: WorkloadId = workload) {
    this.state = new StreamState(variant, owner);
    if (snapshot) this.snapshot(snapshot);
  }

  delta(typeUrl: string, ask: DeltaAsk = {}): XdsResponse[] {
    const request = create(DeltaDiscoveryRequestSchema, {
      ...this.#node(),
      typeUrl,
      resourceNamesSubscribe: [...(ask.subscribe ?? [])],
      resourceNamesUnsubscribe: [...(ask.unsubscribe ?? [])],
      initialResourceVersions: { ...ask.initial },
      responseNonce: ask.nonce ?? '',
      ...(ask.error === undefined ? {} : { errorDetail: { code: 13, message: ask.error } }),
    });
    return this.#take({ kind: 'delta request', request });
  }

  sotw(typeUrl: string, ask: SotwAsk = {}): XdsResponse[] {
    const request = create(DiscoveryRequestSchema, {
      ...this.#node(),
      typeUrl,
      resourceNames: [...(ask.names ?? [])],
      versionInfo: ask.version ?? '',
      responseNonce: ask.nonce ?? '',
      ...(ask.error === undefined ? {} : { errorDetail: { code: 13, message: ask.error } }),
    });
    return this.#take({ kind: 'sotw request', request });
  }

  /** Shows another snapshot, and pushes it. */
  snapshot(snapshot: Snapshot): XdsResponse[] {
    this.turn(snapshot);
    return this.#take({ kind: 'push' });
  }

  /** Shows another snapshot; the stream's turn to be told of it comes later. */
  turn(snapshot: Snapshot): void {
    this.#take({ kind: 'changed', view: this.view, names: this.view.show(snapshot) });
  }

  event(kind: 'push' | 'blocked' | 'drained' | 'waited' | 'closed'): XdsResponse[] {
    return this.#take({ kind });
  }

  get waiting(): boolean {
    return isWaiting(this.state);
  }

  #node() {
    if (!this.#first) return {};
    this.#first = false;
    return { node: { id: workload } };
  }

  #take(event: StreamEvent): XdsResponse[] {
    const effects = step(this.state, event);
    this.effects.push(...effects);
    const responses = effects.flatMap((effect) => (effect.kind === 'send' ? [effect.response] : []));
    this.responses.push(...responses);
    return responses;
  }
}

/** The names in a response, sorted. */
export function names(response: XdsResponse | undefined): string[] {
  return (response?.resources ?? []).map(({ name }) => name).sort();
}

/** Responses in short: `cluster a,b -c`. */
export function brief(responses: readonly XdsResponse[]): string[] {
  return responses.map((response) =>
    [shortName(response.typeUrl), names(response).join(','), ...response.removed.map((name) => `-${name}`)]
      .filter((part) => part !== '')
      .join(' '),
  );
}

function shortName(typeUrl: TypeUrl): string {
  return Object.entries(typeUrls).find(([, url]) => url === typeUrl)?.[0] ?? typeUrl;
}
