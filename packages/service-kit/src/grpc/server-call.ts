import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { TLSSocket } from 'node:tls';
import type { GrpcCall } from './call.ts';
import { acceptEncoding, answerCompression, type Compression, compressionOf, minCompressBytes } from './compression.ts';
import { compressedFlag, FrameReader, frameMessage } from './frame.ts';
import type { Limits } from './limits.ts';
import { MessageQueue } from './message-queue.ts';
import { GrpcError, type GrpcStatus, grpcCode, lateFailure, statusHeaders } from './status.ts';
import { statusOf } from './status-of.ts';
import { maxTimerMs, parseTimeout, timerMs } from './timeout.ts';

const contentType = 'application/grpc+proto';

/** A GrpcCall on a stream of node:http2. */
export class ServerCall implements GrpcCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly deadline: number | undefined;
  readonly #stream: ServerHttp2Stream;
  readonly #limits: Limits;
  readonly #compression: Compression | undefined;
  readonly #answerCompression: Compression | undefined;
  #timer: NodeJS.Timeout | undefined;
  #abort: AbortController | undefined;
  #abortedBy: GrpcError | undefined;
  #queue: MessageQueue | undefined;
  #reading: PromiseWithResolvers<void> | undefined;
  #requestEnded = false;
  #responded = false;
  #finished = false;
  #trailers: OutgoingHttpHeaders | undefined;

  /** Ends the call at once when its headers ask for what cannot be; `ended` is true then. */
  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, limits: Limits) {
    this.#stream = stream;
    this.#limits = limits;
    this.headers = headers;
    this.path = headers[':path'] ?? '';
    stream.on('error', ignore); // 'close' follows, with the call's end.
    stream.on('close', () => this.#onClose());
    stream.on('wantTrailers', () => this.#sendTrailers());
    try {
      this.#compression = compressionOf(headers['grpc-encoding']?.toString());
    } catch (error) {
      this.#fail(error, { 'grpc-accept-encoding': acceptEncoding });
      return;
    }
    this.#answerCompression = answerCompression(this.#compression, headers['grpc-accept-encoding']?.toString());
    const timeout = headers['grpc-timeout'];
    if (timeout === undefined) return;
    const { timeoutMs, error } = parseTimeout(String(timeout));
    if (timeoutMs === undefined) {
      this.fail(new GrpcError(grpcCode.invalidArgument, error ?? ''));
      return;
    }
    this.deadline = Date.now() + Math.ceil(timeoutMs);
    // A longer wait than a timer can hold (24 days) is no deadline in practice.
    if (timeoutMs < maxTimerMs) this.#timer = setTimeout(() => this.#onDeadline(timeoutMs), timerMs(timeoutMs));
  }

  /** Whether the call is over: nothing that is written now reaches the caller. */
  get ended(): boolean {
    return this.#finished;
  }

  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#abortedBy) this.#abort.abort(this.#abortedBy);
    }
    return this.#abort.signal;
  }

  get peer(): GrpcCall['peer'] {
    const socket = this.#stream.session?.socket;
    return {
      authorized: socket instanceof TLSSocket ? socket.authorized : false,
      address: socket?.remoteAddress ?? '',
    };
  }

  get messages(): AsyncIterable<Uint8Array> {
    if (!this.#queue) {
      const queue = new MessageQueue(this.#stream);
      this.#queue = queue;
      if (this.#abortedBy) queue.fail(this.#abortedBy);
      else
        this.#read(
          (message) => queue.push(message),
          () => this.#unlessAborted(() => queue.end()),
        );
    }
    return this.#queue;
  }

  readEach(onMessage: (message: Uint8Array) => void): Promise<void> {
    const reading = Promise.withResolvers<void>();
    this.#reading = reading;
    if (this.#abortedBy) reading.reject(this.#abortedBy);
    else this.#read(onMessage, () => this.#unlessAborted(reading.resolve));
    return reading.promise;
  }

  readOne(onMessage: (message: Uint8Array) => void): void {
    let only: Uint8Array | undefined;
    this.#read(
      (message) => {
        if (only) throw new GrpcError(grpcCode.unimplemented, 'the request must be one message, not several');
        only = message;
      },
      () => {
        if (!only) throw new GrpcError(grpcCode.unimplemented, 'the request must be one message, not none');
        onMessage(only);
      },
    );
  }

  respond(headers?: OutgoingHttpHeaders): void {
    if (this.#responded || this.#finished) return;
    this.#responded = true;
    this.#stream.respond(this.#responseHeaders(headers), { waitForTrailers: true });
  }

  frame(message: Uint8Array): Buffer {
    if (!this.#answerCompression || message.length < minCompressBytes) return frameMessage(message);
    return frameMessage(this.#answerCompression.compress(message), compressedFlag);
  }

  write(framed: Uint8Array): boolean {
    if (this.#finished || this.#stream.destroyed) return true;
    this.respond();
    return this.#stream.write(framed);
  }

  drained(): Promise<void> {
    const stream = this.#stream;
    if (this.#finished || stream.destroyed || !stream.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        stream.off('drain', done);
        stream.off('close', done);
        resolve();
      };
      stream.on('drain', done);
      stream.on('close', done);
    });
  }

  finish(status: GrpcStatus, last?: Uint8Array): void {
    this.finishWith(status, undefined, last);
  }

  /** As finish(), with `headers` added unless they have been sent. */
  finishWith(status: GrpcStatus, headers: OutgoingHttpHeaders | undefined, last?: Uint8Array): void {
    if (this.#finished) return;
    const stream = this.#stream;
    if (last && !stream.destroyed) this.respond(headers);
    this.#finished = true;
    clearTimeout(this.#timer);
    if (stream.destroyed) return;
    if (this.#responded) {
      this.#trailers = statusHeaders(status);
      stream.end(last);
      return;
    }
    // Nothing has been sent: one frame says it all ("Trailers-Only").
    stream.respond({ ...this.#responseHeaders(headers), ...statusHeaders(status) }, { endStream: true });
    this.#stopRequest();
  }

  #responseHeaders(headers: OutgoingHttpHeaders | undefined): OutgoingHttpHeaders {
    if (!headers && !this.#compression) return { ':status': 200, 'content-type': contentType };
    const all: OutgoingHttpHeaders = { ':status': 200, 'content-type': contentType, ...headers };
    if (this.#answerCompression) all['grpc-encoding'] = this.#answerCompression.name;
    if (this.#compression) all['grpc-accept-encoding'] = acceptEncoding;
    return all;
  }

  #read(onMessage: (message: Uint8Array) => void, onEnd: () => void): void {
    const reader = new FrameReader(this.#limits.maxMessageBytes, (message, flags) =>
      onMessage(flags === compressedFlag ? this.#decompress(message) : message),
    );
    this.#stream.on('data', (chunk: Buffer) => {
      if (this.#finished) return;
      try {
        reader.push(chunk);
      } catch (error) {
        this.fail(error);
      }
    });
    this.#stream.on('end', () => {
      this.#requestEnded = true;
      if (this.#finished) return;
      try {
        reader.end();
        onEnd();
      } catch (error) {
        this.fail(error);
      }
    });
  }

  /** node:http2's clients hang up by an end and a reset in one packet. Seen after the packet, it is not taken for the end. */
  #unlessAborted(end: () => void): void {
    setImmediate(() => {
      if (!this.#stream.aborted) end();
    });
  }

  #decompress(message: Uint8Array): Uint8Array {
    if (!this.#compression)
      throw new GrpcError(grpcCode.internal, 'a message is marked as compressed, but there is no grpc-encoding');
    return this.#compression.decompress(message, this.#limits.maxMessageBytes);
  }

  #sendTrailers(): void {
    if (this.#stream.destroyed) return;
    this.#stream.sendTrailers(this.#trailers ?? {});
    this.#stopRequest();
  }

  /** Tells the caller that the rest of its request is not wanted, once it has the answer (RFC 9113, 8.1). */
  #stopRequest(): void {
    if (this.#requestEnded || this.#stream.readableEnded) return;
    this.#stream.resume();
    setImmediate(() => this.#stream.close(constants.NGHTTP2_NO_ERROR));
  }

  #onDeadline(timeoutMs: number): void {
    const reason = new GrpcError(grpcCode.deadlineExceeded, `the deadline of ${timeoutMs} ms has passed`);
    this.finish({ ...statusOf(reason), trailers: lateFailure });
    this.#interrupt(reason);
  }

  #onClose(): void {
    clearTimeout(this.#timer);
    if (this.#finished) {
      this.#reading?.resolve();
      return;
    }
    this.#finished = true;
    this.#interrupt(new GrpcError(grpcCode.cancelled, 'the caller has hung up'));
  }

  /** Ends the call with the status of `error`, and aborts its signal. */
  fail(error: unknown): void {
    this.#fail(error, undefined);
  }

  #fail(error: unknown, headers: OutgoingHttpHeaders | undefined): void {
    const status = statusOf(error);
    this.finishWith(status, headers);
    this.#interrupt(
      error instanceof GrpcError ? error : new GrpcError(status.code, status.message ?? '', { cause: error }),
    );
  }

  #interrupt(reason: GrpcError): void {
    this.#abortedBy = reason;
    this.#queue?.fail(reason);
    this.#reading?.reject(reason);
    this.#abort?.abort(reason);
  }
}

function ignore(): void {}
