import { create, toBinary } from '@bufbuild/protobuf';
import { type Any, anyPack } from '@bufbuild/protobuf/wkt';
import { StatusSchema } from '@weft/contracts/google/rpc/status';
import type { ErrorDetail } from '../service-error.ts';

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

/** The headers that tell `status`, for a trailer or for a response that is nothing else. */
export function statusHeaders(status: GrpcStatus): Record<string, string | string[]> {
  if (status.code === grpcCode.ok && status.trailers === undefined) return okTrailers;
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(status.trailers ?? {}))
    headers[name] = typeof value === 'string' ? value : [...value];
  headers['grpc-status'] = String(status.code);
  if (status.message) headers['grpc-message'] = percentEncode(status.message);
  if (status.details?.length) headers['grpc-status-details-bin'] = encodeDetails(status);
  return headers;
}

function encodeDetails({ code, message = '', details = [] }: GrpcStatus): string {
  const packed = details.map((detail) =>
    'desc' in detail ? anyPack(detail.desc, create(detail.desc, detail.value)) : detail,
  );
  const bytes = toBinary(StatusSchema, create(StatusSchema, { code, message, details: packed }));
  // The specification lets senders leave the padding out, and the large implementations do.
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}

/** Encodes grpc-message: UTF-8, with all but printable ASCII, and the percent sign, as %XX. */
export function percentEncode(message: string): string {
  if (/^[\x20-\x24\x26-\x7e]*$/.test(message)) return message;
  let encoded = '';
  for (const byte of Buffer.from(message, 'utf8')) {
    const printable = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += printable ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
