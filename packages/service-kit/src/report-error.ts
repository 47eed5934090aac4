import type { Call } from './current-call.ts';
import { grpcCode } from './grpc/status.ts';

/** The caller's own doing: there is nothing to look into. */
const callersDoing: ReadonlySet<number> = new Set([grpcCode.invalidArgument, grpcCode.cancelled]);

const faults: ReadonlySet<number> = new Set([grpcCode.unknown, grpcCode.internal, grpcCode.dataLoss]);

/** Logs what the caller is not told: faults of this service as errors, causes of other answers as warnings. */
export function reportError(call: Call, error: unknown, code: number): void {
  if (faults.has(code)) call.log.error({ err: error, code }, 'the call failed');
  else if (error instanceof Error && error.cause !== undefined && !callersDoing.has(code))
    call.log.warn({ err: error, code }, 'the call was refused');
}
