import type { Any } from '@bufbuild/protobuf/wkt';
import type { ErrorDetail } from '../service-error.ts';
import { encodeDetails, fitStatus } from './fit-status.ts';
import { defaultLimits } from './limits.ts';

/** The status codes of gRPC. See https://github.com/grpc/grpc/blob/master/doc/statuscodes.md. */
export const grpcCode = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

/** How a call ended. */
export interface GrpcStatus {
  /** One of `grpcCode`. */
  readonly code: number;
  /** For the caller. */
  readonly message?: string;
  /** google.rpc.* messages for the caller's program. */
  readonly details?: readonly (ErrorDetail | Any)[];
  /** Metadata that is sent with the status. Binary values (-bin) are base64 already. */
  readonly trailers?: Readonly<Record<string, string | readonly string[]>>;
}

/** An error that ends a call with its code. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError';
  readonly code: number;

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Tells the sidecars that only the deadline has passed, so that they do not repeat the call with no time left. */
export const lateFailure = { 'x-weft-failure': 'late' } as const;

const okTrailers = { 'grpc-status': '0' };

/** The headers that tell `status` in at most `maxBytes`, for a trailer or for a response that is nothing else. See fitStatus(). */
export function statusHeaders(
  status: GrpcStatus,
  maxBytes = defaultLimits.maxStatusBytes,
): Record<string, string | string[]> {
  if (status.code === grpcCode.ok && status.trailers === undefined) return okTrailers;
  const sent = fitStatus(status, status.code === grpcCode.ok ? defaultLimits.maxHeaderBytes : maxBytes);
  const headers = sent.trailers;
  headers['grpc-status'] = String(sent.code);
  if (sent.message) headers['grpc-message'] = sent.encodedMessage;
  if (sent.details.length > 0) headers['grpc-status-details-bin'] = encodeDetails(sent);
  return headers;
}
