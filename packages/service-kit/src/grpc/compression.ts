import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { type Decompress, type InflateLimits, inflate } from './inflate-limit.ts';
import { GrpcError, grpcCode } from './status.ts';

/** One way to compress messages. */
export interface Compression {
  /** Its name in grpc-encoding. */
  readonly name: string;
  compress(message: Uint8Array): Buffer;
  /** Throws GrpcError: RESOURCE_EXHAUSTED above `limits`, INVALID_ARGUMENT for bytes that are not in this format. */
  decompress(message: Uint8Array, limits: InflateLimits): Buffer;
}

/** Smaller messages are sent as they are: compressing them costs more than it saves. */
export const minCompressBytes = 1_024;

// Synchronous on purpose: the result keeps its place among the messages, and its size, so its time too, is bounded by the limit.
const compressions: readonly Compression[] = [
  compression('gzip', gzipSync, gunzipSync),
  compression('deflate', deflateSync, inflateSync),
];

/** What this server can read and write, for grpc-accept-encoding. */
export const acceptEncoding = ['identity', ...compressions.map(({ name }) => name)].join(',');

/**
 * What the caller compresses with, for the value of its grpc-encoding; undefined for identity.
 * Throws GrpcError UNIMPLEMENTED for one that is not known.
 */
export function compressionOf(encoding: string | undefined): Compression | undefined {
  if (encoding === undefined || encoding === 'identity') return undefined;
  const found = compressions.find(({ name }) => name === encoding);
  if (!found)
    throw new GrpcError(
      grpcCode.unimplemented,
      `grpc-encoding ${JSON.stringify(encoding)} must be one of ${acceptEncoding}`,
    );
  return found;
}

/**
 * What an answer may be compressed with, for the caller's grpc-encoding and grpc-accept-encoding; undefined: with nothing. A caller that
 * does not say what it accepts accepts what it sends. See https://github.com/grpc/grpc/blob/master/doc/compression.md.
 */
export function answerCompression(
  request: Compression | undefined,
  accepted: string | undefined,
): Compression | undefined {
  if (accepted === undefined || request === undefined) return request;
  const names = accepted.split(',').map((name) => name.trim());
  return names.includes(request.name) ? request : compressions.find(({ name }) => names.includes(name));
}

function compression(name: string, compress: (message: Uint8Array) => Buffer, decompress: Decompress): Compression {
  return { name, compress, decompress: (message, limits) => inflate(name, decompress, message, limits) };
}
