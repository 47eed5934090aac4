import { X509Certificate } from 'node:crypto';
import { secretsAt, type XdsAddress } from '../proxy-identity.ts';

/** Whom a certificate names. */
export interface CertificateSubject {
  /** "spiffe://<trust domain>/ns/<namespace>/sa/<account>". */
  readonly spiffeId: string;
  readonly trustDomain: string;
}

/**
 * What the control plane gives to a proxy that says it is `id` ("<namespace>/<pod>") and proves it with `token`. Rejects with
 * "CODE: message" where it refuses.
 */
export async function certificateFor(xds: XdsAddress, id: string, token: string): Promise<CertificateSubject> {
  const { certificate } = await secretsAt(xds, id, token);
  const name = new X509Certificate(certificate).subjectAltName ?? '';
  const spiffeId = /URI:(\S+)/.exec(name)?.[1] ?? '';
  return { spiffeId, trustDomain: spiffeId.split('/')[2] ?? '' };
}
