import { constants, type IncomingHttpHeaders } from 'node:http2';
import { fromBinary } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { type Status, StatusSchema } from '@weft/policy/google/rpc/status';
import { fromNodeHeaders } from '../grpc/metadata.ts';
import { GrpcError, grpcCode } from '../grpc/status.ts';

/**
 * The error in the end of an answer, with all metadata; undefined for success. `headers`: those that came before, absent when the answer
 * is nothing but its end. See https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md ("Responses").
 */
export function statusError(
  trailers: IncomingHttpHeaders,
  headers: IncomingHttpHeaders | undefined,
): ConnectError | undefined {
  const text = trailers['grpc-status'];
  if (text === '0') return undefined;
  if (text === undefined) return answerError('the answer has no grpc-status', Code.Internal, trailers, headers);
  const code = Number(text);
  if (typeof text !== 'string' || !/^\d+$/.test(text) || Code[code] === undefined)
    return answerError(`grpc-status ${JSON.stringify(text)} must be 0 to 16`, Code.Internal, trailers, headers);
  const status = decodeDetails(trailers['grpc-status-details-bin']);
  const error = answerError(messageOf(trailers, status), code, trailers, headers);
  error.details = (status?.details ?? []).map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1),
    value,
  }));
  return error;
}

/** An error that the answer is to blame for, with the metadata that came. */
export function answerError(
  message: string,
  code: Code,
  ...metadata: (IncomingHttpHeaders | undefined)[]
): ConnectError {
  const all = new Headers();
  for (const headers of metadata) {
    if (headers) for (const [name, value] of fromNodeHeaders(headers)) all.append(name, value);
  }
  const error = new ConnectError(message, code, all);
  error.isWireError = true;
  return error;
}

/** What was found wrong with an answer, as the error of its call. */
export function blameAnswer(found: unknown, headers: IncomingHttpHeaders | undefined): ConnectError {
  if (found instanceof ConnectError) return found;
  const isTooLarge = found instanceof GrpcError && found.code === grpcCode.resourceExhausted;
  const message = found instanceof Error ? found.message : String(found);
  const error = answerError(message, isTooLarge ? Code.ResourceExhausted : Code.Internal, headers);
  error.cause = found;
  return error;
}

/** The error for an answer whose body is no gRPC. */
export function contentTypeError(headers: IncomingHttpHeaders): ConnectError {
  const found = JSON.stringify(headers['content-type'] ?? '');
  return answerError(`content-type ${found} of the answer must be application/grpc`, Code.Unknown, headers);
}

/** The error for an answer that is no gRPC. See https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md. */
export function httpStatusError(headers: IncomingHttpHeaders): ConnectError {
  const status = Number(headers[':status']);
  const code = httpCodes[status] ?? Code.Unknown;
  return answerError(`the answer has HTTP status ${status} and no grpc-status`, code, headers);
}

/** The error for a stream that its peer has reset. See https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#errors. */
export function resetError(rstCode: number): ConnectError {
  const [name = `code ${rstCode}`, code = Code.Internal] = resetCodes[rstCode] ?? [];
  return answerError(`the call was reset with ${name}`, code);
}

const httpCodes: Readonly<Record<number, Code>> = {
  400: Code.Internal,
  401: Code.Unauthenticated,
  403: Code.PermissionDenied,
  404: Code.Unimplemented,
  429: Code.Unavailable,
  502: Code.Unavailable,
  503: Code.Unavailable,
  504: Code.Unavailable,
};

const resetCodes: Readonly<Record<number, readonly [name: string, code: Code]>> = {
  [constants.NGHTTP2_PROTOCOL_ERROR]: ['PROTOCOL_ERROR', Code.Internal],
  [constants.NGHTTP2_INTERNAL_ERROR]: ['INTERNAL_ERROR', Code.Internal],
  [constants.NGHTTP2_FLOW_CONTROL_ERROR]: ['FLOW_CONTROL_ERROR', Code.Internal],
  [constants.NGHTTP2_SETTINGS_TIMEOUT]: ['SETTINGS_TIMEOUT', Code.Internal],
  [constants.NGHTTP2_STREAM_CLOSED]: ['STREAM_CLOSED', Code.Internal],
  [constants.NGHTTP2_FRAME_SIZE_ERROR]: ['FRAME_SIZE_ERROR', Code.Internal],
  [constants.NGHTTP2_REFUSED_STREAM]: ['REFUSED_STREAM', Code.Unavailable],
  [constants.NGHTTP2_CANCEL]: ['CANCEL', Code.Canceled],
  [constants.NGHTTP2_COMPRESSION_ERROR]: ['COMPRESSION_ERROR', Code.Internal],
  [constants.NGHTTP2_CONNECT_ERROR]: ['CONNECT_ERROR', Code.Internal],
  [constants.NGHTTP2_ENHANCE_YOUR_CALM]: ['ENHANCE_YOUR_CALM', Code.ResourceExhausted],
  [constants.NGHTTP2_INADEQUATE_SECURITY]: ['INADEQUATE_SECURITY', Code.PermissionDenied],
  [constants.NGHTTP2_HTTP_1_1_REQUIRED]: ['HTTP_1_1_REQUIRED', Code.PermissionDenied],
};

/** Details that cannot be read are left out: the code and the message say enough. */
function decodeDetails(header: string | string[] | undefined): Status | undefined {
  if (typeof header !== 'string') return undefined;
  try {
    return fromBinary(StatusSchema, Buffer.from(header, 'base64'));
  } catch {
    return undefined;
  }
}

function messageOf(trailers: IncomingHttpHeaders, status: Status | undefined): string {
  const text = trailers['grpc-message'];
  return typeof text === 'string' ? percentDecode(text) : (status?.message ?? '');
}

/** Decodes grpc-message; what is not encoded as it should be stays as it is. */
function percentDecode(text: string): string {
  if (!text.includes('%')) return text;
  const bytes = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
