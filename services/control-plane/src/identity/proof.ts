import type { IncomingHttpHeaders } from 'node:http2';
import type { Authentication } from '../xds/transport.ts';

/** Tells who a proxy is from what it shows, never from what it claims. */
export interface Proof {
  /** Whose proxy sent these headers. */
  authenticate(headers: IncomingHttpHeaders): Promise<Authentication>;
}

/** The token of an `authorization: Bearer ...` header. */
export function bearerToken(headers: IncomingHttpHeaders): string | undefined {
  return /^Bearer (\S+)\s*$/i.exec(headers.authorization ?? '')?.[1];
}
