import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  X509Certificate,
} from 'node:crypto';
import { type Issuer, issuerOf, signCertificate, toPem } from './certificate.ts';

/** What signs certificates, in the form in which it is stored. */
export interface AuthorityPem {
  /** PKCS #8 or SEC 1. */
  readonly key: string;
  /** The certificate of `key`, then those between it and a root, if there are any. */
  readonly chain: string;
  /** The roots that proxies are to trust; for an authority of our own the certificate itself. */
  readonly roots: string;
}

/** An authority that can sign. */
export interface RootAuthority {
  readonly issuer: Issuer;
  /** The roots that proxies are to trust, PEM. */
  readonly pem: string;
  /** What comes after a certificate that it signed, so that a root suffices to check it; empty for a root of our own. */
  readonly intermediates: string;
  /** The end of whichever of its certificates ends first. */
  readonly notAfterMs: number;
  /** What other secrets follow from: never leaves this process. */
  readonly secret: Uint8Array;
  /** Tells authorities apart, and may be shown: the SHA-256 of its certificate, its first 16 hex digits. */
  readonly fingerprint: string;
}

/** An authority cannot be used. The message says why and what to do. */
export class RootAuthorityError extends Error {
  override readonly name = 'RootAuthorityError';
}

const commonName = 'Weft mesh root';
const tenYearsMs = 10 * 365.25 * 24 * 3_600_000;

/** A fresh root: an ECDSA P-256 key, and its certificate of ten years. */
export function makeRoot(nowMs: number = Date.now()): AuthorityPem {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const chain = rootCertificate(privateKey, nowMs);
  return { key, chain, roots: chain };
}

/** The certificate of a root key, for ten years from now. */
export function rootCertificate(key: KeyObject, nowMs: number): string {
  const request = {
    key,
    serial: newSerial(),
    notBeforeMs: nowMs - 60_000,
    notAfterMs: nowMs + tenYearsMs,
    commonName,
  };
  return toPem(signCertificate({ ...request, isAuthority: true }, { commonName, key }));
}

/** Reads an authority and checks that it can sign now. `name` says in errors where it came from. Throws RootAuthorityError. */
export function readAuthority(pem: AuthorityPem, name: string, nowMs: number = Date.now()): RootAuthority {
  const key = readKey(pem.key, name);
  const [certificate, ...between] = readCertificates(pem.chain, `the chain of ${name}`);
  const roots = readCertificates(pem.roots, `the roots of ${name}`);
  if (certificate === undefined) throw new RootAuthorityError(`${name} has no certificate: restore it from a backup`);
  if (roots.length === 0)
    throw new RootAuthorityError(`${name} has no root certificate: give the one that signed its chain`);
  if (!certificate.checkPrivateKey(key)) {
    throw new RootAuthorityError(`the key of ${name} does not belong to its certificate: restore both from one backup`);
  }
  if (!certificate.ca) {
    throw new RootAuthorityError(`the certificate of ${name} may not sign others: give that of an authority (CA:TRUE)`);
  }
  const whole = [certificate, ...between];
  const isRoot = roots.some((root) => root.raw.equals(certificate.raw));
  // An anchor is trusted as it is, whoever signed it.
  for (const [index, one] of isRoot ? [] : whole.entries()) {
    const above = whole[index + 1];
    const issuers = above === undefined ? roots : [above];
    if (!issuers.some((issuer) => one.checkIssued(issuer) && one.verify(issuer.publicKey))) {
      throw new RootAuthorityError(
        `the chain of ${name} does not lead to its roots: ${JSON.stringify(one.subject)} is signed by ${JSON.stringify(one.issuer)}`,
      );
    }
  }
  const used = isRoot ? [certificate] : [...whole, ...roots];
  const notAfterMs = Math.min(...used.map((one) => one.validToDate.getTime()));
  if (notAfterMs <= nowMs) {
    throw new RootAuthorityError(
      `${name} ended at ${new Date(notAfterMs).toISOString()}: replace it, and restart every sidecar`,
    );
  }
  return {
    issuer: issuerOf(certificate, key),
    pem: roots.map((root) => toPem(root.raw)).join(''),
    intermediates: isRoot ? '' : whole.map((one) => toPem(one.raw)).join(''),
    notAfterMs,
    secret: secretOf(key),
    fingerprint: createHash('sha256').update(certificate.raw).digest('hex').slice(0, 16),
  };
}

/** The first certificate of a PEM text; empty when there is none. */
export function firstOf(pem: string): string {
  return blocks(pem)[0] ?? '';
}

/** Every certificate of these PEM texts, once each, in the order in which they come. */
export function bundleOf(...pems: readonly string[]): string {
  return [...new Set(pems.flatMap((pem) => blocks(pem)))].join('');
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

function readKey(pem: string, name: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new RootAuthorityError(`${name} holds no private key: restore it from a backup`);
  }
  const kind = createPublicKey(key).asymmetricKeyType;
  if (kind === 'ec' || kind === 'rsa') return key;
  throw new RootAuthorityError(`${name} holds a key of the kind ${kind}: ECDSA and RSA keys can sign`);
}

function readCertificates(pem: string, name: string): X509Certificate[] {
  try {
    return blocks(pem).map((block) => new X509Certificate(block));
  } catch {
    throw new RootAuthorityError(`${name} holds no certificate: restore it from a backup`);
  }
}

function blocks(pem: string): string[] {
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return found.map((block) => `${block.replaceAll('\r', '')}\n`);
}

function secretOf(key: KeyObject): Uint8Array {
  const scalar = key.asymmetricKeyType === 'ec' ? key.export({ format: 'jwk' }).d : undefined;
  if (scalar !== undefined) return Buffer.from(scalar, 'base64url');
  return createHash('sha256')
    .update(key.export({ type: 'pkcs8', format: 'der' }))
    .digest();
}
