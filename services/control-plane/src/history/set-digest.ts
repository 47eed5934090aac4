import { createHash } from 'node:crypto';
import type { Part, Parts } from './parts.ts';

const bits = 128;

/**
 * The digest of a set of parts: the sum of their hashes modulo 2^128. Adding or removing a part costs the hash of that part alone, and
 * the order does not matter.
 */
export class SetDigest {
  #sum: bigint;
  #hashed = 0;

  /** `text`: what `text` of another digest gave. Default: the digest of nothing. */
  constructor(text = '0') {
    this.#sum = BigInt(`0x${text}`);
  }

  /** The digest of these parts. */
  static of(parts: Parts): SetDigest {
    const digest = new SetDigest();
    for (const [name, part] of parts) digest.add(name, part);
    return digest;
  }

  add(name: string, part: Part): void {
    this.#sum = BigInt.asUintN(bits, this.#sum + this.#hash(name, part));
  }

  remove(name: string, part: Part): void {
    this.#sum = BigInt.asUintN(bits, this.#sum - this.#hash(name, part));
  }

  /** In hexadecimal. */
  get text(): string {
    return this.#sum.toString(16);
  }

  /** The id of a revision that holds exactly these parts: 12 hexadecimal digits. */
  get id(): string {
    return createHash('sha256').update(this.text).digest('hex').slice(0, 12);
  }

  /** How many parts were hashed. For tests of what a change costs. */
  get hashed(): number {
    return this.#hashed;
  }

  #hash(name: string, { value }: Part): bigint {
    this.#hashed++;
    return BigInt(
      `0x${createHash('sha256')
        .update(`${name} ${canonical(value)}`)
        .digest('hex')
        .slice(0, bits / 4)}`,
    );
  }
}

/** JSON with sorted keys: a part that went through a file must have the hash that it had before. */
function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join()}}`;
}
