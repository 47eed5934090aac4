import { generateKeyPairSync } from 'node:crypto';
import { type CertificateRequest, signCertificate, toPem } from '../services/control-plane/src/identity/certificate.ts';

/** PEM of a certificate and of its key. */
export interface Certified {
  readonly cert: string;
  readonly key: string;
}

/** A root of a benchmark's own, for one day. */
export interface BenchRoot {
  readonly pem: string;
  /** Signs a certificate of these names, with a P-256 key as the mesh's. */
  certify(names: Pick<CertificateRequest, 'uris' | 'dnsNames' | 'ips'>): Certified;
}

/** Makes a root with a P-256 key. */
export function createBenchRoot(): BenchRoot {
  const commonName = 'Benchmark root';
  const { privateKey: rootKey, publicKey: rootPublicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = { commonName, key: rootKey };
  const times = { notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 86_400_000 };
  let serial = 1;
  const root = signCertificate(
    { ...times, key: rootPublicKey, serial: Uint8Array.of(serial), commonName, isAuthority: true },
    issuer,
  );
  return {
    pem: toPem(root),
    certify(names) {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      serial += 1;
      const cert = signCertificate({ ...times, key: publicKey, serial: Uint8Array.of(serial), ...names }, issuer);
      return { cert: toPem(cert), key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
    },
  };
}
