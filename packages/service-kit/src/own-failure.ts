import { ConnectError } from '@connectrpc/connect';
import type { Call } from './current-call.ts';
import { grpcCode, lateFailure } from './grpc/status.ts';

/** The codes that a caller's sidecar may repeat a call for. */
const repeatable: ReadonlySet<number> = new Set([
  grpcCode.cancelled,
  grpcCode.deadlineExceeded,
  grpcCode.resourceExhausted,
  grpcCode.internal,
  grpcCode.unavailable,
]);

const sawFailure = new WeakSet<Call>();

/** For clients: remembers of `call`, which is being answered, that another service has failed it with `error`. */
export function noteOnwardFailure(call: Call, error: unknown): void {
  if (error instanceof ConnectError && repeatable.has(error.code)) sawFailure.add(call);
}

/**
 * What the answer to a failed call says to the sidecars: that the failure is this service's own, so that its callers may repeat
 * the call, or that its deadline has passed, so that nobody does. A failure that came from further on was repeated there, by the
 * innermost hop, and nobody else repeats it.
 */
export function ownFailure(call: Call, code: number): Readonly<Record<string, string>> | undefined {
  // A timer of this process may end a little before the clock does.
  if (code === grpcCode.deadlineExceeded && (call.signal.aborted || call.timeoutMs() === 0)) return lateFailure;
  return repeatable.has(code) && !sawFailure.has(call) ? own : undefined;
}

const own = { 'x-weft-failure': 'own' } as const;
