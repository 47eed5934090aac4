import { ConnectError } from '@connectrpc/connect';
import { ServiceError } from '../service-error.ts';
import { sendableMetadata } from './metadata.ts';
import { GrpcError, type GrpcStatus, grpcCode } from './status.ts';

/** Codes of a callee that mean the same to the caller's caller: try later, or it took too long. */
const passedOn: ReadonlySet<number> = new Set([
  grpcCode.cancelled,
  grpcCode.deadlineExceeded,
  grpcCode.resourceExhausted,
  grpcCode.aborted,
  grpcCode.unavailable,
]);

/**
 * What the caller is told of an error. ServiceError, GrpcError and a ConnectError of this process speak for themselves.
 * A callee's error that the handler let through keeps a transient code, without its text, which was meant for this
 * service; all else is INTERNAL, and nothing of it is sent.
 */
export function statusOf(error: unknown): GrpcStatus {
  if (error instanceof ServiceError) return { code: error.code, message: error.message, details: error.details };
  if (error instanceof GrpcError) return { code: error.code, message: error.message };
  if (error instanceof ConnectError) {
    if (!error.isWireError) return connectStatus(error);
    if (passedOn.has(error.code)) return { code: error.code, message: 'a service that this call needs did not answer' };
  }
  if (error instanceof Error && error.name === 'AbortError')
    return { code: grpcCode.cancelled, message: 'the call was cancelled' };
  return { code: grpcCode.internal, message: 'internal error' };
}

function connectStatus(error: ConnectError): GrpcStatus {
  const details = error.details.flatMap((detail) => ('desc' in detail ? [detail] : []));
  // fitStatus() cuts it, and says so to the caller.
  const trailers = sendableMetadata(error.metadata, { maxBytes: Infinity, maxEntries: Infinity });
  return { code: error.code, message: error.rawMessage, details, ...(trailers ? { trailers } : {}) };
}
