import { GrpcError, grpcCode } from './status.ts';

/** The bytes before each message: one of flags, four of length, big-endian. */
export const framePrefixBytes = 5;

/** The flag of a message that is compressed with the call's grpc-encoding. */
export const compressedFlag = 1;

/** A message as it goes over the wire. The result never changes and may be written to any number of calls. */
export function frameMessage(message: Uint8Array, flags = 0): Buffer {
  const framed = Buffer.allocUnsafe(framePrefixBytes + message.length);
  framed[0] = flags;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, framePrefixBytes);
  return framed;
}

/** Cuts a byte stream into its messages. Copies only a message that arrives in several chunks. */
export class FrameReader {
  readonly #maxMessageBytes: number;
  readonly #onMessage: (message: Buffer, flags: number) => void;
  #chunks: Buffer[] = [];
  #buffered = 0;
  #flags = 0;
  #awaited = -1;

  constructor(maxMessageBytes: number, onMessage: (message: Buffer, flags: number) => void) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#onMessage = onMessage;
  }

  /** Bytes of a message that is not complete yet. */
  get bufferedBytes(): number {
    return this.#buffered;
  }

  /** Whether a message has begun and not ended. */
  get isWithin(): boolean {
    return this.#buffered > 0 || this.#awaited >= 0;
  }

  /** Hands on each message that `chunk` completes. Throws GrpcError for a message over the limit and for flags that do not exist. */
  push(chunk: Buffer): void {
    const rest = this.#buffered === 0 && this.#awaited < 0 ? this.#readWhole(chunk) : chunk;
    if (rest.length === 0) return;
    this.#chunks.push(rest);
    this.#buffered += rest.length;
    for (;;) {
      if (this.#awaited < 0) {
        if (this.#buffered < framePrefixBytes) return;
        this.#readPrefix(this.#take(framePrefixBytes), 0);
      }
      if (this.#buffered < this.#awaited) return;
      const message = this.#take(this.#awaited);
      this.#awaited = -1;
      this.#onMessage(message, this.#flags);
    }
  }

  /** Throws GrpcError when the stream has ended within a message. */
  end(): void {
    if (this.isWithin) throw new GrpcError(grpcCode.internal, 'the request ended within a message');
  }

  /** Hands on the messages that lie within one chunk, as most do, and returns what follows them. */
  #readWhole(chunk: Buffer): Buffer {
    let at = 0;
    while (chunk.length - at >= framePrefixBytes) {
      this.#readPrefix(chunk, at);
      const start = at + framePrefixBytes;
      if (chunk.length - start < this.#awaited) return chunk.subarray(start);
      at = start + this.#awaited;
      this.#awaited = -1;
      this.#onMessage(chunk.subarray(start, at), this.#flags);
    }
    return chunk.subarray(at);
  }

  #readPrefix(bytes: Buffer, at: number): void {
    this.#flags = bytes.readUInt8(at);
    this.#awaited = bytes.readUInt32BE(at + 1);
    if (this.#flags > compressedFlag)
      throw new GrpcError(grpcCode.internal, `message flags ${this.#flags} must be 0 or 1`);
    if (this.#awaited > this.#maxMessageBytes) throw tooLarge(this.#awaited, this.#maxMessageBytes);
  }

  #take(length: number): Buffer {
    this.#buffered -= length;
    const first = this.#chunks[0];
    if (first === undefined) return Buffer.alloc(0);
    if (first.length === length) {
      this.#chunks.shift();
      return first;
    }
    if (first.length > length) {
      this.#chunks[0] = first.subarray(length);
      return first.subarray(0, length);
    }
    const all = Buffer.concat(this.#chunks);
    this.#chunks = all.length === length ? [] : [all.subarray(length)];
    return all.subarray(0, length);
  }
}

/** The error for a message of `bytes`. */
export function tooLarge(bytes: number | string, maxBytes: number): GrpcError {
  return new GrpcError(grpcCode.resourceExhausted, `message of ${bytes} bytes must be at most ${maxBytes} bytes`);
}
