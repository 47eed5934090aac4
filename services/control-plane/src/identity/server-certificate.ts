import { generateKeyPairSync } from 'node:crypto';
import { controlPlaneName } from '@weft/compiler/pod/names';
import type { ServerIdentity } from '../xds/transport.ts';
import { signCertificate, toPem } from './certificate.ts';
import { newSerial, type RootAuthority } from './root-authority.ts';

const lifetimeMs = 24 * 3_600_000;

/** A fresh key and certificate for the control plane's own port, valid for a day. */
export function serverCertificate(root: RootAuthority, nowMs: number = Date.now()): ServerIdentity {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const request = { key, serial: newSerial(), notBeforeMs: nowMs - 60_000, notAfterMs: nowMs + lifetimeMs };
  const names = { commonName: controlPlaneName, dnsNames: [controlPlaneName, 'localhost'] };
  const cert = toPem(signCertificate({ ...request, ...names }, root.issuer));
  return { cert: cert + root.intermediates, key: key.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** A server's certificate that is kept fresh. */
export interface KeptCertificate {
  /** Gives the server a new one now, from whoever signs now. */
  renew(): void;
  stop(): void;
}

/** Gives a server a new certificate every 12 hours; connections stay. */
export function keepServerCertificate(
  server: { setSecureContext(options: ServerIdentity): void },
  signer: () => RootAuthority,
): KeptCertificate {
  const renew = () => server.setSecureContext(serverCertificate(signer()));
  const timer = setInterval(renew, lifetimeMs / 2);
  timer.unref();
  return { renew, stop: () => clearInterval(timer) };
}
