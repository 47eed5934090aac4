import type { IncomingHttpHeaders } from 'node:http2';
import type { WorkloadId } from '../model/mesh.ts';

/** Tells who a proxy is from what it shows, never from what it claims. */
export interface Proof {
  /** The workload whose proxy sent these headers; undefined: nobody known, and why in words for a log. */
  authenticate(headers: IncomingHttpHeaders): Promise<Authenticated>;
}

export type Authenticated =
  | { readonly workload: WorkloadId }
  | { readonly workload?: undefined; readonly reason: string };

/** The token of an `authorization: Bearer ...` header. */
export function bearerToken(headers: IncomingHttpHeaders): string | undefined {
  const token = /^Bearer (\S+)\s*$/i.exec(headers.authorization ?? '')?.[1];
  return token;
}
