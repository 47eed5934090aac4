import { tooLarge } from './frame.ts';
import type { Limits } from './limits.ts';
import { GrpcError, grpcCode } from './status.ts';

/** Messages up to this size may inflate at any ratio: they are cheap, and short repetitive ones compress well. */
const anyRatioBytes = 256 * 1024;

/** What a message may inflate to. */
export type InflateLimits = Pick<Limits, 'maxMessageBytes' | 'maxInflateRatio'>;

/** How a decompressor of node:zlib is called. */
export type Decompress = (message: Uint8Array, options: { maxOutputLength: number }) => Buffer;

/**
 * Inflates a message and stops as soon as it exceeds `limits`. Throws GrpcError: RESOURCE_EXHAUSTED above maxMessageBytes or
 * maxInflateRatio, INVALID_ARGUMENT for bytes that are not in the format `name`.
 */
export function inflate(
  name: string,
  decompress: Decompress,
  message: Uint8Array,
  { maxMessageBytes, maxInflateRatio }: InflateLimits,
): Buffer {
  const maxByRatio = Math.max(anyRatioBytes, Math.floor(message.length * maxInflateRatio));
  const maxOutputLength = Math.min(maxMessageBytes, maxByRatio);
  try {
    return decompress(message, { maxOutputLength });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'))
      throw new GrpcError(grpcCode.invalidArgument, `a message is not ${name}`, { cause: error });
    if (maxByRatio >= maxMessageBytes) throw tooLarge(`more than ${maxMessageBytes}`, maxMessageBytes);
    throw new GrpcError(
      grpcCode.resourceExhausted,
      `message of ${message.length} bytes must inflate to at most ${maxOutputLength} bytes, ${maxInflateRatio} times its size`,
    );
  }
}
