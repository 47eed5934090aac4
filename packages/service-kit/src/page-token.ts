import { createHash } from 'node:crypto';
import { Code } from '@connectrpc/connect';
import { ServiceError } from './service-error.ts';

/**
 * A page token that says where the next page begins. Opaque to clients, and bound to the filter that it was made for: its
 * digest is in the token, so that a token of one list cannot be taken to another.
 */
export function encodePageToken(filter: readonly string[], position: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify([digest(filter), ...position])).toString('base64url');
}

/**
 * Where the page begins, or undefined for an empty token: the first page. `types` says what the position consists of.
 *
 * @throws ServiceError INVALID_ARGUMENT for a token that this filter never gave.
 */
export function decodePageToken<const Types extends readonly ('string' | 'number')[]>(
  token: string,
  filter: readonly string[],
  types: Types,
): Position<Types> | undefined {
  if (token === '') return undefined;
  const [found, ...position] = parseArray(Buffer.from(token, 'base64url').toString('utf8'));
  if (found !== digest(filter) || !matches(position, types)) throw pageTokenError(token);
  return position;
}

/** INVALID_ARGUMENT, for a position that decodes but cannot be. */
export function pageTokenError(token: string): ServiceError {
  const shortened = token.length > 60 ? `${token.slice(0, 60)}...` : token;
  return new ServiceError(
    Code.InvalidArgument,
    `page_token "${shortened}" must be a next_page_token that the same request was answered with`,
  );
}

type Position<Types extends readonly ('string' | 'number')[]> = {
  [Index in keyof Types]: Types[Index] extends 'string' ? string : number;
};

function matches<const Types extends readonly ('string' | 'number')[]>(
  position: readonly unknown[],
  types: Types,
): position is Position<Types> & readonly unknown[] {
  return (
    position.length === types.length &&
    position.every((value, index) => typeof value === types[index] && !String(value).includes('\0'))
  );
}

function parseArray(json: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(json);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function digest(filter: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(filter)).digest('hex').slice(0, 16);
}
