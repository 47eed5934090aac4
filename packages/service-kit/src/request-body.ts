import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { EnvelopeProgress } from './envelope-progress.ts';
import { MessageQueue } from './grpc/message-queue.ts';

/** How long an answer waits for a request that nobody reads anymore. */
const answerableMs = 1_000;

/** How long such a request may go on after its answer. Cutting it off at once could lose the answer (TCP RST). */
const lingerMs = 5_000;

/** The same on a stream of HTTP/2, where a reset without an error says that the answer counts (RFC 9113, 8.1). */
const streamLingerMs = 1_000;

/**
 * The body of a request. Unlike the request's own iterator, it leaves the connection alone when its reader stops early: the
 * rest is thrown away until the answer has been sent, and a little longer.
 */
export class RequestBody extends MessageQueue {
  readonly #request: IncomingMessage | Http2ServerRequest;
  #ended = false;
  #abandoned = false;
  /** Undefined: the whole body is one message. */
  readonly #progress: EnvelopeProgress | undefined;
  #messageSinceMs = performance.now();

  /** `isUnary`: the request is one message, and is wanted to its end. */
  constructor(
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
    isUnary: boolean,
  ) {
    super(request);
    this.#request = request;
    this.#progress = isUnary ? undefined : new EnvelopeProgress();
    request.on('data', (chunk: Buffer) => {
      this.#follow(chunk);
      this.push(chunk);
    });
    request.on('end', () => {
      this.#ended = true;
      setImmediate(() => this.end()); // After 'aborted', if that is in the same packet.
    });
    request.on('aborted', () => this.fail(new Error('the caller has hung up')));
    request.on('error', (error) => this.fail(error));
    request.on('close', () => {
      if (!this.#ended) this.fail(new Error('the caller has hung up'));
    });
    // An answer of HTTP/2 itself says so only when its stream has been closed on both sides.
    const answer = 'stream' in response ? response.stream : response;
    answer.on('finish', () => this.#linger());
  }

  /** Whether the request has been received to its end. */
  get ended(): boolean {
    return this.#ended;
  }

  get isUnary(): boolean {
    return this.#progress === undefined;
  }

  /** When the message began that is being received, of performance.now(); undefined between messages, and while the caller is held back. */
  messageSinceMs(nowMs: number): number | undefined {
    if (this.#ended || this.#progress?.isWithin === false) return undefined;
    if (this.#request.isPaused()) this.#messageSinceMs = nowMs;
    return this.#messageSinceMs;
  }

  #follow(chunk: Buffer): void {
    if (!this.#progress) return;
    const wasWithin = this.#progress.isWithin;
    this.#progress.push(chunk);
    if (!wasWithin) this.#messageSinceMs = performance.now();
  }

  override return(): Promise<IteratorResult<Uint8Array>> {
    this.#abandoned = true;
    return super.return();
  }

  /**
   * Resolves when the answer can be sent. A client that has announced a length, and sees the answer before it has sent so
   * much, stops; some then end the request short of its length, which HTTP/2 makes an error in the place of the answer.
   */
  async answerable(): Promise<void> {
    if (!this.#abandoned || this.#ended || this.#request.headers['content-length'] === undefined) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, answerableMs);
      this.#request.on('close', () => resolve());
      this.#request.on('end', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #linger(): void {
    if (this.#ended) return;
    void this.return();
    const request = this.#request;
    const timer =
      'stream' in request
        ? setTimeout(() => request.stream.close(constants.NGHTTP2_NO_ERROR), streamLingerMs)
        : setTimeout(() => request.socket.destroy(), lingerMs);
    request.on('end', () => clearTimeout(timer));
    request.on('close', () => clearTimeout(timer));
  }
}
