import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { Method } from '../model/method.ts';

/**
 * The times of a route action. `max_stream_duration` and not `timeout`: it ends a call as DEADLINE_EXCEEDED and honours a
 * grpc-timeout that asks for less.
 */
export function routeTimes(method: Method) {
  const longestMs = method.deadlineMs ?? method.maxDurationMs ?? 0;
  return {
    timeout: durationFromMs(0),
    ...(method.idleTimeoutMs === undefined ? {} : { idleTimeout: durationFromMs(method.idleTimeoutMs) }),
    maxStreamDuration: {
      maxStreamDuration: durationFromMs(longestMs),
      grpcTimeoutHeaderMax: durationFromMs(longestMs),
    },
  };
}
