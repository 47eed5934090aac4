import { randomBytes } from 'node:crypto';
import type { DescMethod } from '@bufbuild/protobuf';
import { createContextValues } from '@connectrpc/connect';
import { callerOf } from './caller.ts';
import type { Call } from './current-call.ts';
import { timerMs } from './grpc/timeout.ts';
import { logger } from './log/logger.ts';

/** A call as a server would make it; `caller` is a SPIFFE id. For the kit's tests. */
export function testCall(
  method: DescMethod,
  options: { caller?: string; deadlineMs?: number; signal?: AbortSignal } = {},
): Call {
  const { deadlineMs } = options;
  const deadline = deadlineMs === undefined ? undefined : Date.now() + deadlineMs;
  const over = deadlineMs === undefined ? [] : [AbortSignal.timeout(timerMs(deadlineMs))];
  return {
    method,
    service: method.parent,
    requestMethod: 'POST',
    url: `http://local/${method.parent.typeName}/${method.name}`,
    protocolName: 'grpc',
    values: createContextValues(),
    caller: callerOf(options.caller && `URI=${options.caller}`, undefined),
    requestHeader: new Headers(),
    responseHeader: new Headers(),
    responseTrailer: new Headers(),
    signal: AbortSignal.any([...over, ...(options.signal ? [options.signal] : [])]),
    ...(deadline === undefined ? {} : { deadline }),
    timeoutMs: () => (deadline === undefined ? undefined : Math.max(0, deadline - Date.now())),
    traceId: randomBytes(16).toString('hex'),
    log: logger(),
  };
}
