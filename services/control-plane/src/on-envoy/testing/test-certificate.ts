import { generateKeyPairSync } from 'node:crypto';
import type { SpiffeId } from '@weft/compiler/model/mesh';
import { signCertificate, toPem } from '../../identity/certificate.ts';
import { newSerial, type RootAuthority } from '../../identity/root-authority.ts';

/** A certificate of the mesh, for an hour, for whoever a test wants to be; PEM. */
export function testCertificate(root: RootAuthority, uris: readonly SpiffeId[]): { key: string; cert: string } {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const cert = signCertificate(
    { key, serial: newSerial(), notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 3_600_000, uris },
    root.issuer,
  );
  return { key: key.export({ type: 'pkcs8', format: 'pem' }).toString(), cert: toPem(cert) };
}
