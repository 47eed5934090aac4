/** How the reading of a stream ended: `error` when it failed, nothing when its reader stopped in the middle. */
export interface StreamEnd {
  readonly error?: unknown;
}

/** The same messages, with somebody told once how their reading ended; undefined: all were read. */
export class MessageStream<T> implements AsyncIterableIterator<T> {
  readonly #messages: AsyncIterable<T>;
  readonly #onEnd: (end: StreamEnd | undefined) => void;
  #iterator: AsyncIterator<T> | undefined;
  #ended = false;

  constructor(messages: AsyncIterable<T>, onEnd: (end: StreamEnd | undefined) => void) {
    this.#messages = messages;
    this.#onEnd = onEnd;
  }

  async next(): Promise<IteratorResult<T>> {
    this.#iterator ??= this.#messages[Symbol.asyncIterator]();
    try {
      const next = await this.#iterator.next();
      if (next.done) this.#end(undefined);
      return next;
    } catch (error) {
      this.#end({ error });
      throw error;
    }
  }

  async return(): Promise<IteratorResult<T>> {
    this.#end({});
    this.#iterator ??= this.#messages[Symbol.asyncIterator]();
    await this.#iterator.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #end(end: StreamEnd | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd(end);
  }
}
