import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { TLSSocket } from 'node:tls';
import { logger } from '../log/logger.ts';
import { traceIdHeader, traceIdOf } from '../trace-id.ts';
import type { GrpcCall } from './call.ts';
import { acceptEncoding, answerCompression, type Compression, compressionOf, minCompressBytes } from './compression.ts';
import { compressedFlag, FrameReader, frameMessage } from './frame.ts';
import type { Limits } from './limits.ts';
import { MessageQueue } from './message-queue.ts';
import { isMeshOnly } from './metadata.ts';
import { GrpcError, type GrpcStatus, grpcCode, lateFailure, statusHeaders } from './status.ts';
import { statusOf } from './status-of.ts';
import { maxTimerMs, parseTimeout, timerMs } from './timeout.ts';
import type { ConnectionState, WaitingBytes } from './waiting-bytes.ts';

const contentType = 'application/grpc+proto';

/** Smaller answers are not counted as waiting: all streams of a connection have room for as much. */
const countedAnswerBytes = 16 * 1024;

/** How long an answer may be stalled while the connection's bytes are half used up. */
export const pressedStallMs = 5_000;

/** A GrpcCall on a stream of node:http2. */
export class ServerCall implements GrpcCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly deadline: number | undefined;
  readonly #stream: ServerHttp2Stream;
  readonly #limits: Limits;
  readonly #compression: Compression | undefined;
  readonly #answerCompression: Compression | undefined;
  #traceId: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #abort: AbortController | undefined;
  #abortedBy: GrpcError | undefined;
  #queue: MessageQueue | undefined;
  #reading: PromiseWithResolvers<void> | undefined;
  #requestEnded = false;
  #responded = false;
  #finished = false;
  #trailers: OutgoingHttpHeaders | undefined;
  readonly #waiting: WaitingBytes;
  readonly #connection: ConnectionState;
  #counted = 0;
  #reader: FrameReader | undefined;
  #takesOne = false;
  /** When the message that is being received began. */
  #messageSinceMs = performance.now();
  #unreadBytes = 0;
  #unsentBytes = 0;
  #unsentSinceMs = 0;

  /** Ends the call at once when its headers ask for what cannot be; `ended` is true then. */
  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, limits: Limits, waiting: WaitingBytes) {
    this.#stream = stream;
    this.#limits = limits;
    this.#waiting = waiting;
    this.#connection = waiting.of(stream.session ?? stream);
    this.#connection.calls++;
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

  get traceId(): string {
    this.#traceId ??= traceIdOf(this.headers.traceparent?.toString());
    return this.#traceId;
  }

  set traceId(traceId: string) {
    this.#traceId = traceId;
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
    this.#takesOne = true;
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
    if (this.#responded || this.#finished || this.#isGone) return;
    this.#responded = true;
    const options = { waitForTrailers: true };
    this.#trySend(
      () => this.#stream.respond(this.#responseHeaders(headers), options),
      () => this.#stream.respond(this.#responseHeaders(undefined), options),
    );
  }

  frame(message: Uint8Array): Buffer {
    if (!this.#answerCompression || message.length < minCompressBytes) return frameMessage(message);
    return frameMessage(this.#answerCompression.compress(message), compressedFlag);
  }

  write(framed: Uint8Array): boolean {
    if (this.#finished || this.#isGone) return true;
    this.respond();
    const isTaken = this.#stream.write(framed);
    if (!isTaken) this.#countOrFail();
    return isTaken;
  }

  drained(): Promise<void> {
    const stream = this.#stream;
    if (this.#finished || stream.destroyed || !stream.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        stream.off('drain', done);
        stream.off('close', done);
        if (this.#counted > 0) this.#countOrFail();
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
    if (last && last.length > countedAnswerBytes && !this.#isGone && !this.#hasRoomFor(last.length)) return;
    if (last && !this.#isGone) this.respond(headers);
    this.#finished = true;
    clearTimeout(this.#timer);
    if (this.#isGone) return;
    const sent = statusHeaders(this.#withTrace(status), this.#limits.maxStatusBytes);
    if (this.#responded) {
      // Sidecars read their own metadata in headers only, and nobody would take it out of the trailers.
      this.#trailers = sent;
      for (const name of Object.keys(sent)) if (isMeshOnly(name)) delete sent[name];
      stream.end(last);
      return;
    }
    // Nothing has been sent: one frame says it all ("Trailers-Only").
    this.#trySend(
      () => stream.respond({ ...this.#responseHeaders(headers), ...sent }, { endStream: true }),
      () => stream.respond({ ...this.#responseHeaders(undefined), ...bare(status) }, { endStream: true }),
    );
    this.#stopRequest();
  }

  #withTrace(status: GrpcStatus): GrpcStatus {
    if (status.code === grpcCode.ok) return status;
    return { ...status, trailers: { ...status.trailers, [traceIdHeader]: this.traceId } };
  }

  /** A stream that was reset refuses headers before it is destroyed. */
  get #isGone(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  #responseHeaders(headers: OutgoingHttpHeaders | undefined): OutgoingHttpHeaders {
    if (!headers && !this.#compression) return { ':status': 200, 'content-type': contentType };
    const all: OutgoingHttpHeaders = { ':status': 200, 'content-type': contentType, ...headers };
    if (this.#answerCompression) all['grpc-encoding'] = this.#answerCompression.name;
    if (this.#compression) all['grpc-accept-encoding'] = acceptEncoding;
    return all;
  }

  #read(onMessage: (message: Uint8Array) => void, onEnd: () => void): void {
    this.#reader = new FrameReader(this.#limits.maxMessageBytes, (message, flags) =>
      onMessage(flags === compressedFlag ? this.#decompress(message) : message),
    );
    const reader = this.#reader;
    this.#stream.on('data', (chunk: Buffer) => {
      this.#connection.received += chunk.length;
      if (this.#finished) return;
      try {
        const wasWithin = reader.isWithin;
        reader.push(chunk);
        if (reader.isWithin && !wasWithin) this.#messageSinceMs = performance.now();
        if (this.#counted > 0 || reader.isWithin || (this.#queue?.bufferedBytes ?? 0) > 0) this.#count();
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
    return this.#compression.decompress(message, this.#limits);
  }

  #sendTrailers(): void {
    if (this.#isGone) return;
    const trailers = this.#trailers ?? {};
    this.#trySend(
      () => this.#stream.sendTrailers(trailers),
      () => this.#stream.sendTrailers({ 'grpc-status': trailers['grpc-status'] }),
    );
    this.#stopRequest();
  }

  /** Whatever cannot be sent, the call ends: with less, or with a reset. */
  #trySend(send: () => void, sendLess: () => void): void {
    for (const attempt of [send, sendLess]) {
      try {
        attempt();
        return;
      } catch (error) {
        if (this.#stream.destroyed || this.#stream.closed) return;
        logger().error({ err: error, path: this.path }, 'an answer could not be sent as it was');
      }
    }
    this.#finished = true;
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
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

  /** Ends the call when its caller has been too slow to send a message or to take an answer. To be called now and then. */
  sweep(nowMs: number): void {
    const stream = this.#stream;
    if (stream.destroyed) return;
    // Received, too, though nobody has read it yet.
    this.#connection.received += stream.readableLength - this.#unreadBytes;
    this.#unreadBytes = stream.readableLength;
    this.#countOrFail();
    const { messageTimeoutMs, stalledAnswerMs } = this.#limits;
    // The caller is not late while it is held back.
    if (stream.isPaused()) this.#messageSinceMs = nowMs;
    const isSending = !this.#requestEnded && (this.#takesOne || this.#reader?.isWithin === true);
    if (!this.#finished && isSending && nowMs - this.#messageSinceMs > messageTimeoutMs)
      this.fail(
        new GrpcError(grpcCode.deadlineExceeded, `a message of the request took longer than ${messageTimeoutMs} ms`),
      );
    const unsent = stream.writableLength;
    if (unsent !== this.#unsentBytes) this.#unsentSinceMs = nowMs;
    this.#unsentBytes = unsent;
    const patienceMs = this.#waiting.isPressed(this.#connection)
      ? Math.min(pressedStallMs, stalledAnswerMs)
      : stalledAnswerMs;
    if (unsent > 0 && nowMs - this.#unsentSinceMs > patienceMs) stream.close(constants.NGHTTP2_CANCEL);
  }

  /** Counts what of this call waits now. Throws where that is too much. */
  #count(): void {
    const stream = this.#stream;
    const now = stream.destroyed
      ? 0
      : (this.#reader?.bufferedBytes ?? 0) +
        (this.#queue?.bufferedBytes ?? 0) +
        stream.readableLength +
        stream.writableLength;
    if (now === this.#counted) return;
    this.#waiting.add(this.#connection, now - this.#counted);
    this.#counted = now;
  }

  #countOrFail(): void {
    try {
      this.#count();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Counts an answer of `bytes`. False: there is no room, and the call has ended with an error instead. */
  #hasRoomFor(bytes: number): boolean {
    try {
      this.#waiting.add(this.#connection, bytes);
      this.#counted += bytes;
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  #onClose(): void {
    clearTimeout(this.#timer);
    this.#connection.calls--;
    if (this.#counted > 0) this.#count();
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

/** A status without what may be wrong with it. */
function bare({ code }: GrpcStatus): OutgoingHttpHeaders {
  return { 'grpc-status': String(code) };
}

function ignore(): void {}
