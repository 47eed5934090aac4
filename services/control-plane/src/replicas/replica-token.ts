import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http2';
import type { Roots } from '../identity/root-state.ts';
import type { Authentication } from '../xds/transport.ts';

type Authenticate = (headers: IncomingHttpHeaders) => Promise<Authentication>;

const scheme = 'Weft-Replica';
const lifetimeMs = 60_000;

/**
 * The `authorization` header by which one replica of the control plane proves to another that it has the mesh's root: a time, and its
 * HMAC-SHA256 by a key that follows from the root's secret (HKDF). It is valid for a minute, so the clocks of replicas may differ by that.
 */
export function replicaToken(roots: Roots, nowMs: number = Date.now()): string {
  return `${scheme} ${nowMs}.${macOf(nowMs, roots.signerAt(nowMs).secret).toString('base64url')}`;
}

/** Whether a header claims to be a `replicaToken`, be it valid or not. */
export function claimsReplica(authorization: string | undefined): authorization is string {
  return authorization?.startsWith(`${scheme} `) === true;
}

/** Whether a header is a `replicaToken` that is valid now. Another replica may know the next root sooner or later than this one. */
export function isReplicaToken(authorization: string, roots: Roots, nowMs: number = Date.now()): boolean {
  const [, time = '', mac = ''] = /^\S+ (\d{1,15})\.([\w-]{43})$/.exec(authorization) ?? [];
  if (mac === '' || Math.abs(nowMs - Number(time)) > lifetimeMs) return false;
  const given = Buffer.from(mac, 'base64url');
  const signers = [0, nowMs, Number.POSITIVE_INFINITY].map((atMs) => roots.signerAt(atMs));
  return signers.some(({ secret }) => timingSafeEqual(given, macOf(Number(time), secret)));
}

/** Lets other replicas in by their tokens; everybody else as `authenticate` says. */
export function orReplica(roots: () => Roots, authenticate: Authenticate): Authenticate {
  return async (headers) => {
    const { authorization } = headers;
    if (!claimsReplica(authorization)) return authenticate(headers);
    if (isReplicaToken(authorization, roots())) return { ok: true, workload: 'weft/control-plane' };
    return { ok: false, message: 'the token of a replica of the control plane is not valid, or its clock is wrong' };
  };
}

function macOf(timeMs: number, secret: Uint8Array): Buffer {
  const key = Buffer.from(hkdfSync('sha256', secret, 'weft key', 'replica of the control plane', 32));
  return createHmac('sha256', key).update(String(timeMs)).digest();
}
