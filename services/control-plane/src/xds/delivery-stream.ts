import { fromBinary } from '@bufbuild/protobuf';
import { isProbe } from '@weft/compiler/envoy/listener-probe';
import { type ChangedNames, type TypeUrl, typeUrls, type View } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import { DiscoveryRequestSchema } from '@weft/envoy-api/envoy/service/discovery/v3/discovery';
import type { AckEvent, BroughtEvent, Listeners, NackEvent, SentEvent, XdsLogger } from './delivery-events.ts';
import { type DeltaRequest, decodeDeltaRequest } from './delta-request.ts';
import { encodeResponse } from './encode.ts';
import { isWaiting, owesNothing } from './order.ts';
import { type ProxyState, typeStates } from './proxy-state.ts';
import type { Room, RoomUser } from './room.ts';
import { step } from './stream.ts';
import { type StreamEffect, type StreamEvent, StreamState, type Unfinished } from './stream-state.ts';

/** Why a stream ends, as the name of a gRPC code. */
export type EndCode = 'ok' | 'aborted' | 'internal' | 'invalidArgument' | 'permissionDenied' | 'unavailable';

/** The side of a stream that goes to the proxy. */
export interface StreamOutput {
  /** Takes a framed message. False: `drained` of the stream is to be called before more is written. */
  write(framed: Uint8Array): boolean;
  end(code: EndCode, message: string): void;
}

const push: StreamEvent = { kind: 'push' };

interface Surroundings {
  readonly workload: WorkloadId;
  readonly variant: StreamState['variant'];
  readonly output: StreamOutput;
  readonly before?: Unfinished;
  readonly acks: Listeners<AckEvent>;
  readonly nacks: Listeners<NackEvent>;
  readonly sends: Listeners<SentEvent>;
  readonly brought: Listeners<BroughtEvent>;
  readonly room: Room;
  readonly onClosed: () => void;
  readonly log: XdsLogger;
  readonly now: () => number;
  readonly patienceMs: number;
}

/** One proxy's stream: drives the state machine of stream.ts and does what it says. */
export class DeliveryStream implements RoomUser {
  readonly #around: Surroundings;
  readonly #connectedAt: number;
  readonly #ackedAt = new Map<TypeUrl, number>();
  readonly #nackedAt = new Map<TypeUrl, number>();
  /** Events that came while the effects of an earlier one were under way. */
  readonly #events: StreamEvent[] = [];
  #busy = false;
  readonly #state: StreamState;
  #envoyVersion = '';
  #patience: NodeJS.Timeout | undefined;
  /** Bytes that the output has not taken yet, as far as they are known. */
  #waitingBytes = 0;
  /** It asks for no room: its proxy has caught up once, or has waited long enough. */
  #isAdmitted = false;

  constructor(around: Surroundings) {
    this.#around = around;
    this.#connectedAt = around.now();
    this.#state = new StreamState(around.variant, around.workload, around.before);
  }

  /** Takes one message from the proxy. A message that cannot be decoded ends the stream. */
  receive(message: Uint8Array): void {
    const event = this.#decode(message);
    if (event === undefined) {
      this.end('invalidArgument', 'a request could not be decoded');
      return;
    }
    if (event.kind === 'delta request') this.#tellBrought(event.request);
    this.#advance(event);
  }

  /** Tells what clusters the proxy holds from before, as it says in its first request for them. */
  #tellBrought({ typeUrl, initialResourceVersions }: DeltaRequest): void {
    const { workload, brought } = this.#around;
    if (typeUrl !== typeUrls.cluster || this.#state.watches.has(typeUrl)) return;
    const names = Object.keys(initialResourceVersions);
    if (names.length > 0) brought.tell({ workload, clusters: names });
  }

  /**
   * Notes that the view shows other resources under these names. Call it in the tick of the change: whatever else happens to the
   * stream next must find it noted.
   */
  note(view: View | undefined, names: ChangedNames): void {
    step(this.#state, { kind: 'changed', view, names });
  }

  /** Tells the proxy of all that was noted. */
  push(): void {
    this.#advance(push);
  }

  /** The output takes more. */
  drained(): void {
    this.#freeRoom();
    // It may be this stream that has the room now.
    if (!this.#state.closed && this.#mayWrite()) this.#advance({ kind: 'drained' });
  }

  /** There is room for what the proxy was not sent yet. */
  roomed(overdue: boolean): void {
    this.#isAdmitted ||= overdue;
    this.#advance({ kind: 'drained' });
  }

  /** The proxy has gone, or was told to go. */
  closed(): void {
    if (this.#state.closed) return;
    this.#advance({ kind: 'closed' });
    this.#leaveRoom();
    clearTimeout(this.#patience);
    this.#around.onClosed();
  }

  /** Ends the stream from this side. */
  end(code: EndCode, message: string): void {
    this.closed();
    this.#around.output.end(code, message);
  }

  /** What the proxy's next stream must know; undefined: nothing. */
  unfinished(): Unfinished | undefined {
    const { awaited } = this.#state;
    return awaited.size > 0 ? { awaited } : undefined;
  }

  /** The version of a resource that the proxy has taken, or brought along; undefined while it has not. */
  takenVersion(typeUrl: TypeUrl, name: string): string | undefined {
    const watch = this.#state.watches.get(typeUrl);
    return watch?.underWay.has(name) || watch?.refused.has(name) ? undefined : watch?.held.get(name)?.version;
  }

  /** The version of a resource that the proxy refuses; undefined: it does not. */
  refusedVersion(typeUrl: TypeUrl, name: string): string | undefined {
    return this.#state.watches.get(typeUrl)?.refused.get(name);
  }

  /** How far the proxy has come. */
  proxy(): ProxyState {
    const { workload, variant } = this.#around;
    return {
      workload,
      variant,
      connectedAt: this.#connectedAt,
      envoyVersion: this.#envoyVersion,
      types: typeStates(this.#state, { ackedAt: this.#ackedAt, nackedAt: this.#nackedAt }),
    };
  }

  #decode(message: Uint8Array): Extract<StreamEvent, { request: unknown }> | undefined {
    try {
      return this.#around.variant === 'delta'
        ? { kind: 'delta request', request: decodeDeltaRequest(message) }
        : { kind: 'sotw request', request: fromBinary(DiscoveryRequestSchema, message) };
    } catch {
      return undefined;
    }
  }

  #advance(event: StreamEvent): void {
    // A listener that is told of an effect may cause the next event: it has its turn after the effects of this one.
    if (this.#busy) {
      this.#events.push(event);
      return;
    }
    this.#busy = true;
    if (!this.#mayWrite()) step(this.#state, { kind: 'blocked' });
    try {
      for (let next: StreamEvent | undefined = event; next !== undefined; next = this.#events.shift()) {
        let full = false;
        for (const effect of step(this.#state, next)) if (this.#perform(effect)) full = true;
        if (full) step(this.#state, { kind: 'blocked' });
      }
    } catch (error) {
      this.#fail(error);
      return;
    } finally {
      this.#busy = false;
    }
    this.#isAdmitted ||=
      this.#state.watches.has(typeUrls.endpoints) && !this.#state.blocked && owesNothing(this.#state);
    this.#wait();
  }

  /** A bug of ours ends this stream and no other; its proxy comes back and is told everything anew. */
  #fail(error: unknown): void {
    const { workload, log } = this.#around;
    this.#busy = false;
    this.#events.length = 0;
    log.warn({ workload, err: error }, 'a stream failed');
    this.end('internal', 'the control plane could not go on with this stream');
  }

  /** Does one effect. True: the output is full. */
  #perform(effect: StreamEffect): boolean {
    const { workload, variant, output, log, now, acks, nacks, sends, onClosed } = this.#around;
    switch (effect.kind) {
      case 'send': {
        const { typeUrl, nonce, resources, removed } = effect.response;
        const message = encodeResponse(variant, effect.response);
        const taken = output.write(message);
        if (!taken) this.#takeRoom(message.length);
        if (sends.any) sends.tell({ workload, typeUrl, nonce, resources, removed });
        return !taken;
      }
      case 'acked': {
        const { typeUrl, nonce, version, complete } = effect;
        const at = now();
        if (complete) this.#ackedAt.set(typeUrl, at);
        if (acks.any) acks.tell({ workload, typeUrl, nonce, version, complete, at });
        return false;
      }
      case 'refused': {
        const { typeUrl, refusal } = effect;
        const at = now();
        this.#nackedAt.set(typeUrl, at);
        // A probe is there to be refused.
        if (!refusal.names.every(isProbe)) {
          log.warn({ workload, typeUrl, ...refusal }, 'a proxy refused its configuration');
        }
        nacks.tell({ workload, typeUrl, ...refusal, at });
        return false;
      }
      case 'identified':
        this.#envoyVersion = effect.envoyVersion;
        return false;
      case 'unknown type':
        log.warn({ workload, typeUrl: effect.typeUrl }, 'a proxy asked for a type that is not served');
        return false;
      case 'end':
        log.warn(
          { workload, code: effect.code, reason: effect.message },
          effect.code === 'permissionDenied' ? 'a caller was refused' : 'a stream broke the protocol',
        );
        this.#leaveRoom();
        clearTimeout(this.#patience);
        onClosed();
        output.end(effect.code, effect.message);
        return false;
    }
  }

  #mayWrite(): boolean {
    return this.#isAdmitted || this.#waitingBytes > 0 || this.#around.room.admits(this);
  }

  #takeRoom(bytes: number): void {
    this.#waitingBytes += bytes;
    this.#around.room.take(bytes);
  }

  #freeRoom(): void {
    const bytes = this.#waitingBytes;
    this.#waitingBytes = 0;
    if (bytes > 0) this.#around.room.free(bytes);
  }

  #leaveRoom(): void {
    this.#around.room.leave(this);
    this.#freeRoom();
  }

  /** Starts or ends the wait for a client that does not follow the usual order. */
  #wait(): void {
    if (this.#state.closed || !isWaiting(this.#state)) {
      if (this.#patience === undefined) return;
      clearTimeout(this.#patience);
      this.#patience = undefined;
    } else if (this.#patience === undefined) {
      this.#patience = setTimeout(() => {
        this.#patience = undefined;
        this.#advance({ kind: 'waited' });
      }, this.#around.patienceMs).unref();
    }
  }
}
