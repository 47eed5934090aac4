import type { Limits } from './limits.ts';

/** The codec takes so many times more than the limit, so that a request above it gets an answer instead of a reset. */
export const codecHeaderFactor = 4;

/** Why a request's headers are too large, in words for the caller; undefined when they are not. `rawHeaders`: names and values in turn. */
export function headersTooLarge(
  rawHeaders: readonly string[],
  { maxHeaderBytes, maxHeaders }: Pick<Limits, 'maxHeaderBytes' | 'maxHeaders'>,
): string | undefined {
  let bytes = 0;
  for (const text of rawHeaders) bytes += text.length;
  if (bytes > maxHeaderBytes) return `headers of ${bytes} bytes must be at most ${maxHeaderBytes} bytes`;
  const count = rawHeaders.length / 2;
  return count > maxHeaders ? `${count} headers must be at most ${maxHeaders}` : undefined;
}
