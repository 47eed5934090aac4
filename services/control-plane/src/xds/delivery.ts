import { type ChangedNames, type TypeUrl, typeUrls, type ViewSource } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import {
  type AckEvent,
  type BroughtEvent,
  Listeners,
  type NackEvent,
  type SentEvent,
  type XdsLogger,
} from './delivery-events.ts';
import { DeliveryStream, type StreamOutput } from './delivery-stream.ts';
import type { ProxyState } from './proxy-state.ts';
import { createPushScheduler } from './push-scheduler.ts';
import { Room, type RoomLimits } from './room.ts';
import type { StreamState, Unfinished } from './stream-state.ts';

export interface DeliveryOptions {
  /** What each proxy should hold. */
  readonly views: ViewSource;
  /** Default: dropped. */
  readonly log?: XdsLogger;
  /** Milliseconds since the epoch. Default: Date.now. */
  readonly now?: () => number;
  /** How long listeners and routes wait for a client that does not ask for its new clusters' endpoints. Default: 10 s. */
  readonly patienceMs?: number;
  /** How much may wait for proxies that catch up. */
  readonly room?: RoomLimits;
}

/** The delivery of views to proxies: one stream a proxy. */
export interface Delivery {
  /** Begins a proxy's stream; an older one of the same proxy ends. */
  open(id: WorkloadId, variant: StreamState['variant'], output: StreamOutput): DeliveryStream;
  /** Connected proxies. A snapshot of the moment. */
  proxies(): ReadonlyMap<WorkloadId, ProxyState>;
  /** The version of a resource that a connected proxy has taken; undefined: none, or it has not answered yet. */
  takenVersion(id: WorkloadId, typeUrl: TypeUrl, name: string): string | undefined;
  /** The version of a resource that a connected proxy refuses; undefined: it refuses none of that name. */
  refusedVersion(id: WorkloadId, typeUrl: TypeUrl, name: string): string | undefined;
  /** Each returns what ends it. */
  onAck(listener: (event: AckEvent) => void): () => void;
  onNack(listener: (event: NackEvent) => void): () => void;
  onSent(listener: (event: SentEvent) => void): () => void;
  /** Told before the proxy is answered, so that what a listener changes is in the answer. */
  onBrought(listener: (event: BroughtEvent) => void): () => void;
  /** Ends the stream of a workload that is gone. */
  drop(id: WorkloadId): void;
  /** Ends all streams (UNAVAILABLE) and stops listening to the source. */
  close(): void;
}

/** Starts delivery; pushes go out as soon as streams are open. */
export function createDelivery(options: DeliveryOptions): Delivery {
  const { views, log = silent, now = Date.now, patienceMs = 10_000 } = options;
  const room = new Room(options.room);
  const streams = new Map<WorkloadId, DeliveryStream>();
  const unfinished = new Map<WorkloadId, Unfinished>();
  const acks = new Listeners<AckEvent>();
  const nacks = new Listeners<NackEvent>();
  const sends = new Listeners<SentEvent>();
  const brought = new Listeners<BroughtEvent>();
  const scheduler = createPushScheduler<DeliveryStream>({ push: (stream) => stream.push() });
  const stopListening = views.onChange((changes) => {
    const urgent: DeliveryStream[] = [];
    const others: DeliveryStream[] = [];
    for (const { proxies, names } of changes) {
      const concerned = isEndpointsOnly(names) ? urgent : others;
      for (const id of proxies) {
        const stream = streams.get(id);
        if (stream === undefined) continue;
        stream.note(views.view(id), names);
        concerned.push(stream);
      }
    }
    // Every stream has noted the change before the first is pushed to, because a push may make the next thing happen.
    scheduler.now(urgent);
    scheduler.soon(others);
  });

  return {
    open(id, variant, output) {
      const older = streams.get(id);
      const before = older?.unfinished() ?? unfinished.get(id);
      unfinished.delete(id);
      const stream: DeliveryStream = new DeliveryStream({
        workload: id,
        variant,
        output,
        ...(before ? { before } : {}),
        acks,
        nacks,
        sends,
        brought,
        room,
        onClosed: () => {
          scheduler.forget(stream);
          if (streams.get(id) !== stream) return;
          streams.delete(id);
          views.close(id);
          const left = stream.unfinished();
          if (left) unfinished.set(id, left);
        },
        log,
        now,
        patienceMs,
      });
      // In its place before anything is computed for it, so that no change is missed.
      streams.set(id, stream);
      if (older === undefined) views.open(id);
      stream.note(views.view(id), 'everything');
      older?.end('aborted', `${id} has opened a newer stream`);
      return stream;
    },
    proxies: () => new Map([...streams].map(([id, stream]) => [id, stream.proxy()])),
    takenVersion: (id, typeUrl, name) => streams.get(id)?.takenVersion(typeUrl, name),
    refusedVersion: (id, typeUrl, name) => streams.get(id)?.refusedVersion(typeUrl, name),
    onAck: (listener) => acks.add(listener),
    onNack: (listener) => nacks.add(listener),
    onSent: (listener) => sends.add(listener),
    onBrought: (listener) => brought.add(listener),
    drop(id) {
      streams.get(id)?.end('permissionDenied', `${id} is gone`);
      unfinished.delete(id);
    },
    close() {
      stopListening();
      for (const stream of [...streams.values()]) stream.end('unavailable', 'the control plane is stopping');
    },
  };
}

/** An endpoint change never waits. */
function isEndpointsOnly(names: ChangedNames): boolean {
  return names !== 'everything' && names.size === 1 && names.has(typeUrls.endpoints);
}

const silent: XdsLogger = { info() {}, warn() {} };
