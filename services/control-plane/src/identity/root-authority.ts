import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  X509Certificate,
} from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readIfThere, replaceFile } from '../state/replace-file.ts';
import { type Issuer, signCertificate, toPem } from './certificate.ts';

const commonName = 'Weft mesh root';
const tenYearsMs = 10 * 365.25 * 24 * 3_600_000;

/** The mesh's root of trust: it signs every workload's certificate. */
export interface RootAuthority {
  readonly issuer: Issuer;
  /** The root certificate, PEM. */
  readonly pem: string;
  readonly notAfterMs: number;
  /** What other secrets follow from: never leaves this process. */
  readonly secret: Uint8Array;
}

/** The root's files cannot be used. The message says which and what to do. */
export class RootAuthorityError extends Error {
  override readonly name = 'RootAuthorityError';
}

/**
 * Opens the root authority that is kept in a directory, or makes it when there is none: an ECDSA P-256 key in root.key (mode
 * 0600) and its certificate of ten years in root.pem.
 *
 * A root that is there but cannot be used is an error and never replaced: every workload trusts it, and a new one would cut
 * them all off. Also writes ca-sds.yaml, the form in which Envoy reads the root from a file and again when it changes.
 */
export async function openRootAuthority(directory: string, nowMs: number = Date.now()): Promise<RootAuthority> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const keyPath = join(directory, 'root.key');
  const certificatePath = join(directory, 'root.pem');
  let keyPem = await readIfThere(keyPath);
  let pem = await readIfThere(certificatePath);
  if (keyPem === undefined && pem !== undefined) {
    throw new RootAuthorityError(
      `${keyPath} is missing beside root.pem: restore it from a backup, or remove root.pem for a new root`,
    );
  }
  if (keyPem === undefined) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    await replaceFile(keyPath, keyPem, 0o600);
  }
  const key = readKey(keyPath, keyPem);
  if (pem === undefined) {
    const request = {
      key,
      serial: newSerial(),
      notBeforeMs: nowMs - 60_000,
      notAfterMs: nowMs + tenYearsMs,
      commonName,
    };
    pem = toPem(signCertificate({ ...request, isAuthority: true }, { commonName, key }));
    await replaceFile(certificatePath, pem, 0o644);
  }
  const certificate = readCertificate(certificatePath, pem);
  if (!certificate.checkPrivateKey(key)) {
    throw new RootAuthorityError(`${keyPath} does not belong to root.pem: restore both from one backup`);
  }
  const notAfterMs = certificate.validToDate.getTime();
  if (notAfterMs <= nowMs) {
    const ended = certificate.validToDate.toISOString();
    throw new RootAuthorityError(
      `${certificatePath} ended at ${ended}: remove ${directory} for a new root and restart every sidecar`,
    );
  }
  await chmod(keyPath, 0o600);
  const sdsPath = join(directory, 'ca-sds.yaml');
  const sds = fileSds(resolve(certificatePath));
  // An equal file is left alone: proxies watch the directory.
  if ((await readIfThere(sdsPath)) !== sds) await replaceFile(sdsPath, sds, 0o644);
  const secret = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url');
  return { issuer: { commonName, key }, pem, notAfterMs, secret };
}

/** A random serial number: positive, 16 bytes. */
export function newSerial(): Uint8Array {
  return positive(randomBytes(16));
}

/** Bytes as a positive DER integer without leading zeros. */
export function positive(bytes: Uint8Array): Uint8Array {
  const serial = Uint8Array.from(bytes);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return serial;
}

function readKey(path: string, pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new RootAuthorityError(`${path} holds no private key: restore it from a backup`);
  }
  if (createPublicKey(key).asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new RootAuthorityError(`${path} holds a key of another kind than ECDSA P-256`);
  }
  return key;
}

function readCertificate(path: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new RootAuthorityError(`${path} holds no certificate: restore it from a backup`);
  }
}

function fileSds(rootPath: string): string {
  return `# Written by the control plane: the root of its certificates, for Envoy's file SDS.
resources:
- "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
  name: root
  validation_context:
    trusted_ca:
      filename: ${JSON.stringify(rootPath)}
`;
}
