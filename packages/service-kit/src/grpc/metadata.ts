import type { IncomingHttpHeaders } from 'node:http2';

/** Headers that belong to HTTP/2 or to gRPC itself; a handler cannot set them. */
const reserved =
  /^(:.*|grpc-.*|connection|keep-alive|proxy-connection|transfer-encoding|upgrade|host|te|content-type|content-length)$/;

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

/** Metadata to be sent, without what a handler cannot set; undefined for none. */
export function toTrailers(headers: Headers): Record<string, string> | undefined {
  let result: Record<string, string> | undefined;
  headers.forEach((value, name) => {
    if (reserved.test(name)) return;
    result ??= {};
    result[name] = value;
  });
  return result;
}
