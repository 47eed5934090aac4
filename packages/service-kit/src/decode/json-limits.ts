import type { Limits } from '../grpc/limits.ts';
import { GrpcError, grpcCode } from '../grpc/status.ts';

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** A number in fewer characters, without an exponent, is exact as a double. */
const exactDigits = 15;

/**
 * Refuses JSON with more values, or deeper, than `limits` allow, before anything is made of it: one scan that stops at the limit.
 * Whether it is JSON at all is the parser's to say. Throws GrpcError RESOURCE_EXHAUSTED or INVALID_ARGUMENT.
 *
 * @returns Whether the text has numbers that a double may not hold exactly.
 */
export function limitJson(text: string, { maxElements, maxDepth }: Pick<Limits, 'maxElements' | 'maxDepth'>): boolean {
  let elements = 0;
  let depth = 0;
  let mayBeInexact = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === quote) {
      at = endOfString(text, at);
    } else if (char === comma || char === openBracket || char === openBrace) {
      if (++elements > maxElements)
        throw new GrpcError(
          grpcCode.resourceExhausted,
          `the request must have at most ${maxElements} fields and elements`,
        );
      // Each message, list and map of the contract is a level of the text, so a message has at most two for each of its own.
      if (char !== comma && ++depth > 2 * maxDepth)
        throw new GrpcError(grpcCode.invalidArgument, `the request must be nested at most ${maxDepth} messages deep`);
    } else if (char === closeBracket || char === closeBrace) {
      depth--;
    } else if (isDigit(char)) {
      const end = endOfNumber(text, at);
      if (end - at > exactDigits || /[eE]/.test(text.slice(at, end))) mayBeInexact = true;
      at = end - 1;
    }
  }
  return mayBeInexact;
}

/** The index of the quote that ends the string that begins at `at`; the text's length when none does. */
export function endOfString(text: string, at: number): number {
  for (let next = at + 1; next < text.length; next++) {
    const char = text.charCodeAt(next);
    if (char === backslash) next++;
    else if (char === quote) return next;
  }
  return text.length;
}

/** The index after the number that `at` is within. */
export function endOfNumber(text: string, at: number): number {
  let end = at;
  while (end < text.length && isPartOfNumber(text.charCodeAt(end))) end++;
  return end;
}

function isDigit(char: number): boolean {
  return char >= 0x30 && char <= 0x39;
}

/** Digits, sign, point and exponent. */
function isPartOfNumber(char: number): boolean {
  return isDigit(char) || char === 0x2b || char === 0x2d || char === 0x2e || char === 0x45 || char === 0x65;
}
