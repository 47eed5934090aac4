import { createHash } from 'node:crypto';

/** The name of a contract version: SHA-256 of its descriptor set, the first 16 hex digits. Equal hashes are equal bytes. */
export function contractHash(descriptorSet: Uint8Array): string {
  return createHash('sha256').update(descriptorSet).digest('hex').slice(0, 16);
}

/** What such a name looks like. */
export const contractHashPattern = /^[0-9a-f]{16}$/;
