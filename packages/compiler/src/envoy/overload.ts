import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import {
  type OverloadManagerSchema,
  ScaleTimersOverloadActionConfigSchema,
  ScaleTimersOverloadActionConfig_TimerType as Timer,
} from '@weft/envoy-api/envoy/config/overload/v3/overload';
import { DownstreamConnectionsConfigSchema } from '@weft/envoy-api/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections';
import { FixedHeapConfigSchema } from '@weft/envoy-api/envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap';
import { extension, typedConfig } from './typed-config.ts';

/** What a whole proxy may hold. */
export interface ProxyLimits {
  /** The memory that its heap may take; see `heapShare`. */
  readonly maxHeapBytes: number;
  /** Connections from its callers and its own application together, at all listeners that the control plane makes. */
  readonly maxConnections: number;
}

/**
 * The part of a container's memory limit that a proxy's heap may take; the rest is for what arrives between two measurements, for
 * stacks and code, and for what the heap cannot give back.
 */
export const heapShare = 0.7;

/** What a proxy may hold of which nobody has said anything: an edge, for a container of 512 MiB. */
export const edgeLimits: ProxyLimits = { maxHeapBytes: Math.floor(heapShare * 2 ** 29), maxConnections: 5000 };

/** The same of a sidecar, for a container of 256 MiB. */
export const sidecarLimits: ProxyLimits = { maxHeapBytes: Math.floor(heapShare * 2 ** 28), maxConnections: 10_000 };

const heap = 'envoy.resource_monitors.fixed_heap';
const connections = 'envoy.resource_monitors.global_downstream_max_connections';

/** How often the heap is measured. */
const measuredEveryMs = 100;

/** Calls that hold at least so much are ended first. A power of two. */
const largeCallPower = 20;

/** While memory is short, a call on which nothing moves and a connection without a call may stay only so long. */
const shortIdle = { call: durationFromMs(5000), connection: durationFromMs(1000) } as const;

/**
 * What a proxy does as its heap fills, from what nobody notices to what everybody does. Above `maxConnections` a new connection is
 * closed at once.
 */
export function overloadManager({
  maxHeapBytes,
  maxConnections,
}: ProxyLimits): MessageInitShape<typeof OverloadManagerSchema> {
  return {
    refreshInterval: durationFromMs(measuredEveryMs),
    resourceMonitors: [
      extension(heap, FixedHeapConfigSchema, { maxHeapSizeBytes: BigInt(maxHeapBytes) }),
      extension(connections, DownstreamConnectionsConfigSchema, {
        maxActiveDownstreamConnections: BigInt(maxConnections),
      }),
    ],
    bufferFactoryConfig: { minimumAccountToTrackPowerOfTwo: largeCallPower },
    actions: [
      {
        name: 'envoy.overload_actions.reduce_timeouts',
        triggers: [between(0.7, 0.9)],
        typedConfig: typedConfig(ScaleTimersOverloadActionConfigSchema, {
          timerScaleFactors: [
            {
              timer: Timer.HTTP_DOWNSTREAM_STREAM_IDLE,
              overloadAdjust: { case: 'minTimeout', value: shortIdle.call },
            },
            {
              timer: Timer.HTTP_DOWNSTREAM_CONNECTION_IDLE,
              overloadAdjust: { case: 'minTimeout', value: shortIdle.connection },
            },
          ],
        }),
      },
      { name: 'envoy.overload_actions.reset_high_memory_stream', triggers: [between(0.8, 0.95)] },
      { name: 'envoy.overload_actions.shrink_heap', triggers: [above(0.85)] },
      { name: 'envoy.overload_actions.disable_http_keepalive', triggers: [above(0.9)] },
      { name: 'envoy.overload_actions.reject_incoming_connections', triggers: [above(0.95)] },
      { name: 'envoy.overload_actions.stop_accepting_requests', triggers: [above(0.97)] },
    ],
    // With a connection goes all that its calls hold. A peer that sends nothing is made to, see `callerCheck`.
    loadshedPoints: [
      { name: 'envoy.load_shed_points.http2_server_go_away_and_close_on_dispatch', triggers: [between(0.8, 0.95)] },
    ],
  };
}

function between(scalingThreshold: number, saturationThreshold: number) {
  return {
    name: heap,
    triggerOneof: { case: 'scaled' as const, value: { scalingThreshold, saturationThreshold } },
  };
}

function above(value: number) {
  return { name: heap, triggerOneof: { case: 'threshold' as const, value: { value } } };
}
