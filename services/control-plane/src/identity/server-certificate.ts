import { generateKeyPairSync } from 'node:crypto';
import type { ServerIdentity } from '../xds/transport.ts';
import { signCertificate, toPem } from './certificate.ts';
import { newSerial, type RootAuthority } from './root-authority.ts';

/** The name that proxies expect of the control plane's port. */
export const serverName = 'weft-control-plane';

const lifetimeMs = 24 * 3_600_000;

/** A fresh key and certificate for the control plane's own port, valid for a day. */
export function serverCertificate(root: RootAuthority, nowMs: number = Date.now()): ServerIdentity {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const request = { key, serial: newSerial(), notBeforeMs: nowMs - 60_000, notAfterMs: nowMs + lifetimeMs };
  const names = { commonName: serverName, dnsNames: [serverName, 'localhost'] };
  const cert = toPem(signCertificate({ ...request, ...names }, root.issuer));
  return { cert, key: key.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** Gives a server a new certificate every 12 hours; connections stay. Call the result to stop. */
export function keepServerCertificate(
  server: { setSecureContext(options: ServerIdentity): void },
  root: RootAuthority,
): () => void {
  const timer = setInterval(() => server.setSecureContext(serverCertificate(root)), lifetimeMs / 2);
  timer.unref();
  return () => clearInterval(timer);
}
