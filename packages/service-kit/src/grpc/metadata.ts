import type { IncomingHttpHeaders } from 'node:http2';
import { logger } from '../log/logger.ts';

/** Metadata to be sent, by name. */
export type Metadata = Record<string, string | string[]>;

/** Headers that belong to HTTP, to gRPC and Connect, or to the sidecars. */
const reserved =
  /^(grpc-.*|connect-.*|x-weft-.*|weft-trace-id|connection|keep-alive|proxy-connection|transfer-encoding|upgrade|http2-settings|host|te|trailer|content-type|content-length|content-encoding)$/;

/** What gRPC allows as a name. Pseudo headers and what HTTP does not know as a token are none. */
const validName = /^[0-9a-z_.-]+$/;
/** What gRPC allows as a value; binary ones (-bin) are base64, several with commas between them. */
const validText = /^[\x20-\x7e]*$/;
const validBinary = /^[0-9A-Za-z+/=, ]*$/;

/** What the HTTP/2 specification counts for a header beside its name and value. */
const headerOverheadBytes = 32;

/** Metadata that a handler sets, in headers and trailers each: half of what Envoy takes of an answer. */
const maxMetadataBytes = 32 * 1024;

/**
 * Entries of an answer's metadata, in headers and trailers each. Envoy takes 100 headers, its own and ours included; an answer with more
 * is UNAVAILABLE to the caller.
 */
export const maxMetadataEntries = 64;

/** The headers that only sidecars read. */
export function isMeshOnly(name: string): boolean {
  return name.startsWith('x-weft-');
}

/** What a header takes, as HTTP/2 counts it. */
export function headerBytes(name: string, value: string | readonly string[]): number {
  const values = typeof value === 'string' ? [value] : value;
  return values.reduce((sum, one) => sum + name.length + one.length + headerOverheadBytes, 0);
}

/** A request's headers without the pseudo headers. Binary ones (-bin) stay base64. */
export function fromNodeHeaders(headers: IncomingHttpHeaders): Headers {
  const result = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(':')) continue;
    if (typeof value === 'string') result.set(name, value);
    else for (const one of value) result.append(name, one);
  }
  return result;
}

/**
 * Metadata as it can be sent; undefined for none. Reserved names, names and values that gRPC does not allow, and what exceeds `maxBytes`
 * (default: 32 KiB) or `maxEntries` (default: 64) in all, are dropped, and the log says so.
 */
export function sendableMetadata(
  headers: Iterable<readonly [string, string]>,
  { maxBytes = maxMetadataBytes, maxEntries = maxMetadataEntries } = {},
): Metadata | undefined {
  let result: Metadata | undefined;
  let dropped: string[] | undefined;
  let bytes = 0;
  let entries = 0;
  for (const [name, value] of headers) {
    const size = headerBytes(name, value);
    if (!isSendable(name, value) || bytes + size > maxBytes || entries >= maxEntries) {
      dropped ??= [];
      dropped.push(name.slice(0, 100));
      continue;
    }
    bytes += size;
    entries++;
    result ??= {};
    const known = result[name];
    result[name] = known === undefined ? value : [known, value].flat();
  }
  if (dropped) logger().warn({ dropped: dropped.slice(0, 20) }, 'metadata that cannot be sent was dropped');
  return result;
}

/** Why gRPC does not allow this metadata, in words for the caller; undefined when it does. */
export function metadataFault(name: string, value: string): string | undefined {
  if (!validName.test(name)) return `metadata name ${JSON.stringify(name)} must be of a-z, 0-9, "_", "." and "-"`;
  if (name.endsWith('-bin'))
    return validBinary.test(value) ? undefined : `metadata ${name} must be base64, as encodeBinaryHeader() writes it`;
  return validText.test(value)
    ? undefined
    : `metadata ${name} must be printable ASCII; a name that ends in -bin takes any bytes as base64`;
}

function isSendable(name: string, value: string): boolean {
  return !reserved.test(name) && metadataFault(name, value) === undefined;
}
