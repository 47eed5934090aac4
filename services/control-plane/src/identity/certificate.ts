import { createHash, createPublicKey, type KeyObject, sign, type X509Certificate } from 'node:crypto';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_clientAuth,
  id_kp_serverAuth,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
} from '@peculiar/asn1-x509';

/** What a certificate says. */
export interface CertificateRequest {
  /** Whose certificate it is: the public half goes in. */
  readonly key: KeyObject;
  /** A positive number of at most 20 bytes. */
  readonly serial: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** The subject's common name; absent: no subject, as SPIFFE has it. */
  readonly commonName?: string;
  readonly uris?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ips?: readonly string[];
  /** It may sign certificates of workloads. */
  readonly isAuthority?: boolean;
  /** How many further authorities may stand between an authority and a workload. Default: 0. */
  readonly pathLength?: number;
}

/** Who signs. */
export interface Issuer {
  /** Its subject, where `subject` does not say more. */
  readonly commonName: string;
  /** An ECDSA or an RSA key. */
  readonly key: KeyObject;
  /** Its subject as its own certificate has it, DER: who checks a chain compares the bytes. */
  readonly subject?: Uint8Array;
  /** The key identifier that its own certificate has; absent: ours. */
  readonly keyIdentifier?: Uint8Array;
}

const ecdsaWithSha256 = '1.2.840.10045.4.3.2';
const rsaWithSha256 = '1.2.840.113549.1.1.11';
const commonNameId = '2.5.4.3';

/**
 * Signs an X.509 v3 certificate (RFC 5280) with SHA-256 and the issuer's key, and gives it in DER.
 *
 * Synchronous and some hundred microseconds, so that a certificate can be made at the moment when a proxy asks for it. A workload's
 * follows the X.509-SVID profile of SPIFFE: one URI, digital signatures only, server and client.
 */
export function signCertificate(request: CertificateRequest, issuer: Issuer): Buffer {
  const publicKey = publicKeyInfo(request.key);
  const isRsa = issuer.key.asymmetricKeyType === 'rsa';
  // RFC 4055 has the parameters of RSA present and NULL.
  const algorithm = isRsa
    ? new AlgorithmIdentifier({ algorithm: rsaWithSha256, parameters: null })
    : new AlgorithmIdentifier({ algorithm: ecdsaWithSha256 });
  const tbsCertificate = new TBSCertificate({
    version: 2, // v3
    serialNumber: bytesOf(request.serial),
    signature: algorithm,
    issuer: issuer.subject ? AsnConvert.parse(issuer.subject, Name) : nameOf(issuer.commonName),
    validity: new Validity({ notBefore: wholeSecond(request.notBeforeMs), notAfter: wholeSecond(request.notAfterMs) }),
    subject: nameOf(request.commonName),
    subjectPublicKeyInfo: publicKey,
    extensions: new Extensions(
      extensionsOf(request, publicKey, issuer.keyIdentifier ?? keyId(publicKeyInfo(issuer.key))),
    ),
  });
  const signatureValue = sign('sha256', new Uint8Array(AsnConvert.serialize(tbsCertificate)), issuer.key);
  const certificate = new Certificate({
    tbsCertificate,
    signatureAlgorithm: algorithm,
    signatureValue: bytesOf(signatureValue),
  });
  return Buffer.from(AsnConvert.serialize(certificate));
}

/** The issuer whose certificate this is, with what its certificate says of it. */
export function issuerOf(certificate: X509Certificate, key: KeyObject): Issuer {
  const { subject, extensions = [] } = AsnConvert.parse(certificate.raw, Certificate).tbsCertificate;
  const identifier = extensions.find(({ extnID }) => extnID === id_ce_subjectKeyIdentifier);
  return {
    commonName: certificate.subject,
    key,
    subject: new Uint8Array(AsnConvert.serialize(subject)),
    ...(identifier === undefined
      ? {}
      : { keyIdentifier: new Uint8Array(AsnConvert.parse(identifier.extnValue, SubjectKeyIdentifier).buffer) }),
  };
}

/** DER as PEM. */
export function toPem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function extensionsOf(request: CertificateRequest, own: SubjectPublicKeyInfo, issuersKeyId: Uint8Array): Extension[] {
  const { isAuthority = false, pathLength = 0, uris = [], dnsNames = [], ips = [] } = request;
  const names = [
    ...uris.map((uniformResourceIdentifier) => new GeneralName({ uniformResourceIdentifier })),
    ...dnsNames.map((dNSName) => new GeneralName({ dNSName })),
    ...ips.map((iPAddress) => new GeneralName({ iPAddress })),
  ];
  const constraints = isAuthority
    ? new BasicConstraints({ cA: true, pathLenConstraint: pathLength })
    : new BasicConstraints({});
  const usage = isAuthority ? KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign : KeyUsageFlags.digitalSignature;
  const extensions = [
    extension(id_ce_basicConstraints, true, constraints),
    extension(id_ce_keyUsage, true, new KeyUsage(usage)),
    extension(id_ce_subjectKeyIdentifier, false, new SubjectKeyIdentifier(bytesOf(keyId(own)))),
    extension(
      id_ce_authorityKeyIdentifier,
      false,
      new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(bytesOf(issuersKeyId)) }),
    ),
  ];
  if (!isAuthority) {
    extensions.push(extension(id_ce_extKeyUsage, false, new ExtendedKeyUsage([id_kp_serverAuth, id_kp_clientAuth])));
  }
  if (names.length > 0) {
    // Without a subject the names are all there is, so they must be understood (RFC 5280, 4.2.1.6).
    extensions.push(
      extension(id_ce_subjectAltName, request.commonName === undefined, new SubjectAlternativeName(names)),
    );
  }
  return extensions;
}

function extension(extnID: string, critical: boolean, value: object): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

/** The issuer's is asked for with each certificate; parsing it is most of the work. */
const publicKeyInfos = new WeakMap<KeyObject, SubjectPublicKeyInfo>();

function publicKeyInfo(key: KeyObject): SubjectPublicKeyInfo {
  const known = publicKeyInfos.get(key);
  if (known !== undefined) return known;
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const info = AsnConvert.parse(publicKey.export({ type: 'spki', format: 'der' }), SubjectPublicKeyInfo);
  publicKeyInfos.set(key, info);
  return info;
}

/** Method 1 of RFC 7093: the leftmost 160 bits of SHA-256 of the key. */
function keyId(info: SubjectPublicKeyInfo): Uint8Array {
  return createHash('sha256').update(new Uint8Array(info.subjectPublicKey)).digest().subarray(0, 20);
}

function nameOf(commonName: string | undefined): Name {
  if (commonName === undefined) return new Name([]);
  const value = new AttributeValue({ utf8String: commonName });
  return new Name([new RelativeDistinguishedName([new AttributeTypeAndValue({ type: commonNameId, value })])]);
}

function wholeSecond(timeMs: number): Date {
  return new Date(Math.floor(timeMs / 1000) * 1000);
}

function bytesOf(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
