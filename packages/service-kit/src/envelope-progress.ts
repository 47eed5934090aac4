import { framePrefixBytes } from './grpc/frame.ts';

/** Follows the messages of a body by their prefixes, which Connect's streams and gRPC-Web have in common with gRPC. */
export class EnvelopeProgress {
  readonly #prefix = Buffer.alloc(framePrefixBytes);
  #prefixBytes = 0;
  #missingBytes = 0;

  /** Whether a message has begun and not ended. */
  get isWithin(): boolean {
    return this.#prefixBytes > 0 || this.#missingBytes > 0;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#missingBytes > 0) {
        const taken = Math.min(this.#missingBytes, chunk.length - at);
        this.#missingBytes -= taken;
        at += taken;
        continue;
      }
      const taken = chunk.copy(this.#prefix, this.#prefixBytes, at, at + framePrefixBytes - this.#prefixBytes);
      this.#prefixBytes += taken;
      at += taken;
      if (this.#prefixBytes < framePrefixBytes) return;
      this.#missingBytes = this.#prefix.readUInt32BE(1);
      this.#prefixBytes = 0;
    }
  }
}
