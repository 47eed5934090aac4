import type { OutgoingHttpHeaders } from 'node:http2';
import { Code, ConnectError } from '@connectrpc/connect';
import { acceptEncoding } from '../grpc/compression.ts';
import { headersTooLarge } from '../grpc/header-limit.ts';
import { defaultLimits } from '../grpc/limits.ts';
import { metadataFault } from '../grpc/metadata.ts';
import { formatTimeout } from '../grpc/timeout.ts';

/** What a caller may give as headers. */
export type GivenHeaders = ConstructorParameters<typeof Headers>[0];

/**
 * The headers of a request. What belongs to HTTP or to the protocol is ours, so it is left out of `given`: a handler may pass on all
 * headers of the call that it answers. Throws ConnectError: INTERNAL for a name or a value that gRPC does not allow, RESOURCE_EXHAUSTED
 * above 60 KiB or 128 headers.
 */
export function requestHeaders(
  authority: string,
  path: string,
  given: GivenHeaders,
  options: { readonly timeoutMs?: number | undefined; readonly encoding?: string | undefined },
): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {
    ':method': 'POST',
    ':scheme': 'http',
    ':authority': authority,
    ':path': path,
    'content-type': 'application/grpc+proto',
    te: 'trailers',
    'user-agent': 'grpc-node-weft',
    'grpc-accept-encoding': acceptEncoding,
  };
  if (options.timeoutMs !== undefined) headers['grpc-timeout'] = formatTimeout(options.timeoutMs);
  if (options.encoding !== undefined) headers['grpc-encoding'] = options.encoding;
  if (given === undefined) return headers;
  for (const [name, value] of headersOf(given, path)) {
    if (name in headers && name !== 'user-agent') continue;
    if (ours.test(name)) continue;
    const fault = metadataFault(name, value);
    if (fault !== undefined) throw new ConnectError(`${path}: ${fault}`, Code.Internal);
    headers[name] = value;
  }
  // Answered here: a codec on the way would reset the stream, which says nothing.
  const tooLarge = headersTooLarge(Object.entries(headers).flat().map(String), defaultLimits);
  if (tooLarge !== undefined) throw new ConnectError(tooLarge, Code.ResourceExhausted);
  return headers;
}

function headersOf(given: GivenHeaders, path: string): Headers {
  if (given instanceof Headers) return given;
  try {
    return new Headers(given);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new ConnectError(`${path}: ${text}`, Code.Internal, undefined, undefined, error);
  }
}

/** Of one connection or one body, and what this path says itself. */
const ours =
  /^(connection|keep-alive|proxy-connection|transfer-encoding|upgrade|http2-settings|host|trailer|content-length|content-encoding|accept-encoding|grpc-timeout|grpc-encoding)$/;
