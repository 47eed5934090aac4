import { type ClientHttp2Stream, constants, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { Code, ConnectError } from '@connectrpc/connect';
import { type Compression, compressionOf } from '../grpc/compression.ts';
import { compressedFlag, FrameReader } from '../grpc/frame.ts';
import { isGrpcProto } from '../grpc/handler.ts';
import type { InflateLimits } from '../grpc/inflate-limit.ts';
import { GrpcError, grpcCode } from '../grpc/status.ts';
import { timerMs } from '../grpc/timeout.ts';
import {
  answerError,
  blameAnswer,
  contentTypeError,
  httpStatusError,
  resetError,
  statusError,
} from './answer-error.ts';
import { type Connection, cancelStream } from './connection.ts';
import type { OutboundConnections, Placed } from './connections.ts';

/** What becomes of a call. */
export interface ClientCallEvents {
  /** The headers of an answer that goes on. */
  onHeaders?(headers: IncomingHttpHeaders): void;
  /** A message of the answer, decompressed. What it throws ends the call. */
  onMessage(message: Uint8Array): void;
  /** The call is over. `error`: it has failed; `isOwn`: because the caller does not want it anymore. Called once, and nothing else after it. */
  onEnd(error: ConnectError | undefined, isOwn: boolean): void;
}

/** How a call is made. */
export interface ClientCallOptions {
  readonly headers: OutgoingHttpHeaders;
  /** The request, framed, when it is one message. Else it follows by write() and end(), after started(). */
  readonly request?: Uint8Array;
  /** Ends the call with DEADLINE_EXCEEDED, also while there is no connection. Default: never. */
  readonly timeoutMs?: number | undefined;
  /** Aborted: the call is cancelled. Default: never. */
  readonly signal?: AbortSignal | undefined;
  readonly limits: InflateLimits;
}

/** The flag of the last frame of a stream, in the events of node:http2. */
const endStream = constants.NGHTTP2_FLAG_END_STREAM;

/** One gRPC call on a stream of node:http2, with messages as bytes. The twin of the server's ServerCall. */
export class ClientCall implements Placed {
  readonly #options: ClientCallOptions;
  readonly #events: ClientCallEvents;
  readonly #connections: OutboundConnections;
  #connection: Connection | undefined;
  #stream: ClientHttp2Stream | undefined;
  #started: PromiseWithResolvers<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** By performance.now(). */
  #deadlineMs = Number.POSITIVE_INFINITY;
  #reader: FrameReader | undefined;
  #compression: Compression | undefined;
  #headers: IncomingHttpHeaders | undefined;
  #trailers: IncomingHttpHeaders | undefined;
  #cause: unknown;
  #isAgain = false;
  #ended = false;

  /** Begins the call, at once or when there is a connection. Its events come later, but for an end. */
  constructor(connections: OutboundConnections, options: ClientCallOptions, events: ClientCallEvents) {
    this.#connections = connections;
    this.#options = options;
    this.#events = events;
    const { timeoutMs, signal } = options;
    if (signal?.aborted) {
      this.#cancel(signal);
      return;
    }
    signal?.addEventListener('abort', this);
    if (timeoutMs !== undefined) {
      this.#deadlineMs = performance.now() + timeoutMs;
      this.#timer = setTimeout(() => this.#expire(), timerMs(timeoutMs));
    }
    connections.place(this);
  }

  /** Whether it is over. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The headers of the answer; undefined until they have come. Those of an answer without messages are its trailers. */
  get headers(): IncomingHttpHeaders | undefined {
    return this.#headers;
  }

  get trailers(): IncomingHttpHeaders | undefined {
    return this.#trailers;
  }

  /** The request's stream; undefined until there is a connection. */
  get isStarted(): boolean {
    return this.#stream !== undefined;
  }

  /** Resolves when the request has a stream, and when the call is over. */
  async started(): Promise<void> {
    if (this.#stream || this.#ended) return;
    this.#started ??= Promise.withResolvers();
    await this.#started.promise;
  }

  begin(connection: Connection): void {
    try {
      const stream = connection.request(this.#options.headers, this);
      this.#connection = connection;
      this.#stream = stream;
      this.#listen(stream);
      if (this.#options.request) stream.end(this.#options.request);
    } catch (error) {
      this.fail(
        connection.failureNow(error) ??
          new ConnectError('the call could not be sent', Code.Internal, undefined, undefined, error),
      );
    }
    this.#started?.resolve();
  }

  /** Sends a framed message of the request. False: enough is waiting to be sent; go on after drained(). */
  write(framed: Uint8Array): boolean {
    if (this.#ended || !this.#stream) return true;
    return this.#stream.write(framed);
  }

  /** Resolves when what was written has been sent, and when the call is over. */
  drained(): Promise<void> {
    const stream = this.#stream;
    if (this.#ended || !stream?.writableNeedDrain) return Promise.resolve();
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

  /** Ends the request, after a `last` framed message. */
  end(last?: Uint8Array): void {
    if (!this.#ended) this.#stream?.end(last);
  }

  /** Holds the answer back. */
  pause(): void {
    this.#stream?.pause();
  }

  /** Goes on with the answer. */
  resume(): void {
    this.#stream?.resume();
  }

  /** Ends the call with `error`, and tells the callee. Only the first end counts. */
  fail(error: ConnectError): void {
    this.#end(error);
  }

  /** The signal is aborted. */
  handleEvent(): void {
    if (this.#options.signal) this.#cancel(this.#options.signal);
  }

  #listen(stream: ClientHttp2Stream): void {
    stream.on('response', (headers, flags) => this.#respond(headers, (flags & endStream) !== 0));
    stream.on('data', (chunk: Buffer) => this.#read(chunk));
    stream.on('trailers', (trailers) => {
      this.#trailers = trailers;
    });
    stream.on('end', () => this.#finish(stream));
    stream.on('error', (error) => {
      this.#cause = error; // 'close' follows.
    });
    stream.on('close', () => this.#close(stream));
  }

  #respond(headers: IncomingHttpHeaders, isAll: boolean): void {
    if (this.#ended) return;
    if (isAll && headers['grpc-status'] !== undefined) {
      this.#trailers = headers;
      return;
    }
    this.#headers = headers;
    const encoding = headers['grpc-encoding'];
    try {
      if (Number(headers[':status']) !== 200) throw httpStatusError(headers);
      if (!isGrpcProto(headers['content-type'])) throw contentTypeError(headers);
      if (encoding !== undefined) this.#compression = compressionOf(String(encoding));
      this.#events.onHeaders?.(headers);
    } catch (error) {
      this.fail(blameAnswer(error, headers));
    }
  }

  #read(chunk: Buffer): void {
    if (this.#ended) return;
    try {
      this.#reader ??= new FrameReader(this.#options.limits.maxMessageBytes, (message, flags) => {
        if (!this.#ended) this.#events.onMessage(flags === compressedFlag ? this.#decompress(message) : message);
      });
      this.#reader.push(chunk);
    } catch (error) {
      this.fail(blameAnswer(error, this.#headers));
    }
  }

  #decompress(message: Uint8Array): Uint8Array {
    if (!this.#compression)
      throw new GrpcError(grpcCode.internal, 'a message is marked as compressed, but there is no grpc-encoding');
    return this.#compression.decompress(message, this.#options.limits);
  }

  /** The answer has ended, and all of it has been read. */
  #finish(stream: ClientHttp2Stream): void {
    if (this.#trailers) this.#end(this.#endError(this.#trailers));
    // Without trailers there may have been a reset, or the end of the connection, which 'close' tells. It comes when both sides have ended.
    else if (!stream.writableFinished) setImmediate(() => stream.closed || this.#end(this.#endError({})));
  }

  #endError(trailers: IncomingHttpHeaders): ConnectError | undefined {
    const error = statusError(trailers, this.#headers);
    if (error || !this.#reader?.isWithin) return error;
    return answerError('the answer ended within a message', Code.Internal, this.#headers, trailers);
  }

  #close(stream: ClientHttp2Stream): void {
    this.#connection?.release(this);
    if (this.#ended) return;
    // Reset after its end: nothing of the answer is missing if all of it has been read.
    if (this.#trailers && stream.readableLength === 0) this.#finish(stream);
    else if (this.#isUnsent(stream)) this.#again();
    else this.#end(this.#closeError(stream.rstCode));
  }

  /** Whether the callee cannot have seen the request, since its connection was going away. See gRFC A6, "Transparent Retries". */
  #isUnsent({ rstCode }: ClientHttp2Stream): boolean {
    const isRefused = rstCode === constants.NGHTTP2_REFUSED_STREAM && !this.#headers;
    return isRefused && !this.#isAgain && this.#options.request !== undefined && this.#connection?.isOpen === false;
  }

  /** Goes to another connection, once. */
  #again(): void {
    this.#isAgain = true;
    this.#stream = undefined;
    this.#connections.place(this);
  }

  #closeError(rstCode: number | undefined): ConnectError | undefined {
    const failure = this.#connection?.failureNow(this.#cause);
    if (failure) return failure;
    // The callee's timer may be ahead of ours, and a reset is all that it has left to say.
    if (rstCode === constants.NGHTTP2_CANCEL && performance.now() >= this.#deadlineMs) return timedOut();
    return rstCode ? resetError(rstCode) : this.#endError({});
  }

  #expire(): void {
    this.#end(timedOut(), true);
  }

  #cancel(signal: AbortSignal): void {
    this.#end(ConnectError.from(signal.reason, Code.Canceled), true);
  }

  #end(error: ConnectError | undefined, isOwn = false): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this);
    if (!this.#stream) this.#connections.withdraw(this);
    // The callee has said all, or what it says is not wanted anymore.
    else if (error || !this.#stream.writableEnded) cancelStream(this.#stream);
    this.#started?.resolve();
    this.#events.onEnd(error, isOwn);
  }
}

function timedOut(): ConnectError {
  return new ConnectError('the operation timed out', Code.DeadlineExceeded);
}
