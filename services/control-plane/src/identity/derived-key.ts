import { createECDH, createPrivateKey, hkdfSync, type KeyObject } from 'node:crypto';

/** The order of the group of P-256 (FIPS 186-5). */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/**
 * An ECDSA P-256 key that follows from a secret and a purpose: the same two always give the same key, and one says nothing about
 * another (HKDF-SHA256, RFC 5869). 48 bytes are reduced to a scalar, which leaves no bias worth naming (FIPS 186-5, A.2.1).
 */
export function derivePrivateKey(secret: Uint8Array, purpose: string): KeyObject {
  const wide = Buffer.from(hkdfSync('sha256', secret, 'weft key', purpose, 48)).toString('hex');
  const scalar = (BigInt(`0x${wide}`) % (order - 1n)) + 1n;
  const d = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex');
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(d);
  const point = curve.getPublicKey();
  const coordinates = { x: point.subarray(1, 33).toString('base64url'), y: point.subarray(33).toString('base64url') };
  return createPrivateKey({
    format: 'jwk',
    key: { kty: 'EC', crv: 'P-256', d: d.toString('base64url'), ...coordinates },
  });
}
