/** Bytes that wait in a queue before its producer is told to pause. */
const highWaterBytes = 64 * 1_024;

/** What feeds a queue, and can be held back. */
export interface Producer {
  pause(): unknown;
  resume(): unknown;
}

/** Messages between a stream that pushes and a consumer that pulls; holds the stream back while the consumer is slow. */
export class MessageQueue implements AsyncIterableIterator<Uint8Array> {
  readonly #producer: Producer;
  readonly #messages: Uint8Array[] = [];
  #bytes = 0;
  #waiting: PromiseWithResolvers<IteratorResult<Uint8Array>> | undefined;
  #end: { readonly error?: unknown } | undefined;

  constructor(producer: Producer) {
    this.#producer = producer;
  }

  /** Bytes that wait for the consumer. */
  get bufferedBytes(): number {
    return this.#bytes;
  }

  push(message: Uint8Array): void {
    if (this.#end) return;
    if (this.#waiting) {
      this.#waiting.resolve({ value: message, done: false });
      this.#waiting = undefined;
      return;
    }
    this.#messages.push(message);
    this.#bytes += message.length + 64;
    if (this.#bytes > highWaterBytes) this.#producer.pause();
  }

  /** No more will come; what is queued is still delivered, and then `error`, if there is one. */
  end(error?: unknown): void {
    if (this.#end) return;
    this.#end = error === undefined ? {} : { error };
    if (error === undefined) this.#waiting?.resolve({ value: undefined, done: true });
    else this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  /** Ends with `error`, at once: what is queued is dropped. */
  fail(error: unknown): void {
    if (this.#end && this.#messages.length === 0) return;
    this.#end = { error };
    this.#messages.length = 0;
    this.#bytes = 0;
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const message = this.#messages.shift();
    if (message) {
      this.#bytes -= message.length + 64;
      if (this.#messages.length === 0) this.#producer.resume();
      return { value: message, done: false };
    }
    if (this.#end && 'error' in this.#end) throw this.#end.error;
    if (this.#end) return { value: undefined, done: true };
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#messages.length = 0;
    this.#bytes = 0;
    this.end();
    this.#producer.resume();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
