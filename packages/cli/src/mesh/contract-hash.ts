import { createHash } from 'node:crypto';

/** A contract's hash, as the control plane makes it: SHA-256 of the descriptor set, its first 16 hex digits. */
export function contractHash(descriptorSet: Uint8Array): string {
  return createHash('sha256').update(descriptorSet).digest('hex').slice(0, 16);
}
