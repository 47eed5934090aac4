import { randomFillSync } from 'node:crypto';

const random = Buffer.alloc(10);
let lastMs = 0;
let sequence = 0;

/**
 * A new UUIDv7 (RFC 9562): ids made later by this process sort after those made before, also within a millisecond, so that
 * rows keep the order of their making and indexes grow at their end.
 */
export function uuidv7(): string {
  randomFillSync(random);
  const now = Date.now();
  if (now > lastMs) {
    lastMs = now;
    // The upper half stays free for counting up.
    sequence = random.readUInt16BE(8) & 0x7ff;
  } else if (++sequence > 0xfff) {
    // Method 3 of the RFC: borrow from the next millisecond.
    lastMs++;
    sequence = 0;
  }
  const time = lastMs.toString(16).padStart(12, '0');
  const variant = ((random.readUInt8(0) & 0x3f) | 0x80).toString(16);
  const rest = random.toString('hex', 1, 8);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${sequence.toString(16).padStart(3, '0')}-${variant}${rest.slice(0, 2)}-${rest.slice(2)}`;
}
