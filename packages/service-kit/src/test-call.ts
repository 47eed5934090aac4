import type { DescMethod } from '@bufbuild/protobuf';
import type { Call } from './current-call.ts';
import { timerMs } from './grpc/timeout.ts';
import { logger } from './log/logger.ts';

/** A call as a server would make it. For the kit's tests. */
export function testCall(
  method: DescMethod,
  options: { caller?: string; deadlineMs?: number; signal?: AbortSignal } = {},
): Call {
  const { deadlineMs } = options;
  const deadline = deadlineMs === undefined ? undefined : Date.now() + deadlineMs;
  const over = deadlineMs === undefined ? [] : [AbortSignal.timeout(timerMs(deadlineMs))];
  return {
    method,
    caller: options.caller ?? 'local',
    requestHeaders: new Headers(),
    responseHeaders: new Headers(),
    responseTrailers: new Headers(),
    signal: AbortSignal.any([...over, ...(options.signal ? [options.signal] : [])]),
    ...(deadline === undefined ? {} : { deadline }),
    remainingMs: () => (deadline === undefined ? undefined : Math.max(0, deadline - Date.now())),
    log: logger(),
  };
}
