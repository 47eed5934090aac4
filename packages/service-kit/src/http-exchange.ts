import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Limits } from './grpc/limits.ts';
import { pressedStallMs } from './grpc/server-call.ts';
import type { ConnectionState, WaitingBytes } from './grpc/waiting-bytes.ts';
import type { RequestBody } from './request-body.ts';

type ExchangeLimits = Pick<Limits, 'messageTimeoutMs' | 'stalledAnswerMs'>;

/** A request of Connect or gRPC-Web and its answer, as far as they cost memory and time. */
export class HttpExchange {
  readonly #request: IncomingMessage | Http2ServerRequest;
  readonly #response: ServerResponse | Http2ServerResponse;
  readonly #body: RequestBody;
  readonly #limits: ExchangeLimits;
  readonly #waiting: WaitingBytes;
  readonly #connection: ConnectionState;
  #counted = 0;
  #receivedBytes = 0;
  #unreadBytes = 0;
  #unsentBytes = 0;
  #unsentSinceMs = 0;

  constructor(
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
    body: RequestBody,
    limits: ExchangeLimits,
    waiting: WaitingBytes,
  ) {
    this.#request = request;
    this.#response = response;
    this.#body = body;
    this.#limits = limits;
    this.#waiting = waiting;
    this.#connection = waiting.of(('stream' in request ? request.stream.session : request.socket) ?? request);
    this.#connection.calls++;
    request.on('data', (chunk: Buffer) => {
      this.#connection.received += chunk.length;
      this.#receivedBytes += chunk.length;
      this.#countOrFail();
    });
    response.on('close', () => {
      this.#connection.calls--;
      this.#waiting.add(this.#connection, -this.#counted);
      this.#counted = 0;
    });
  }

  /** Ends the exchange when its caller has been too slow to send a message or to take the answer. To be called now and then. */
  sweep(nowMs: number): void {
    const unread = unreadBytes(this.#request);
    // Received, too, though nobody has read it yet.
    this.#connection.received += unread - this.#unreadBytes;
    this.#unreadBytes = unread;
    this.#countOrFail();
    const { messageTimeoutMs, stalledAnswerMs } = this.#limits;
    const sinceMs = this.#body.messageSinceMs(nowMs);
    if (sinceMs !== undefined && nowMs - sinceMs > messageTimeoutMs) {
      const message = `a message of the request took longer than ${messageTimeoutMs} ms`;
      this.#body.fail(new ConnectError(message, Code.DeadlineExceeded));
    }
    const unsent = unsentBytes(this.#response);
    if (unsent !== this.#unsentBytes) this.#unsentSinceMs = nowMs;
    this.#unsentBytes = unsent;
    const isPressed = this.#waiting.isPressed(this.#connection);
    const patienceMs = isPressed ? Math.min(pressedStallMs, stalledAnswerMs) : stalledAnswerMs;
    if (unsent > 0 && nowMs - this.#unsentSinceMs > patienceMs) this.#giveUp();
  }

  #countOrFail(): void {
    if (this.#response.destroyed) return;
    // What connect has read of a message that is not complete is still in memory.
    const unread = this.#body.isUnary && !this.#body.ended ? this.#receivedBytes : this.#body.bufferedBytes;
    const now = unread + unreadBytes(this.#request) + unsentBytes(this.#response);
    try {
      this.#waiting.add(this.#connection, now - this.#counted);
      this.#counted = now;
    } catch (error) {
      if (this.#body.ended) this.#giveUp();
      else this.#body.fail(new ConnectError(error instanceof Error ? error.message : '', Code.ResourceExhausted));
    }
  }

  #giveUp(): void {
    if ('stream' in this.#request) this.#request.stream.close(constants.NGHTTP2_CANCEL);
    else this.#request.socket.destroy();
  }
}

function unreadBytes(request: IncomingMessage | Http2ServerRequest): number {
  return request.readableLength + ('stream' in request ? (request.stream?.readableLength ?? 0) : 0);
}

function unsentBytes(response: ServerResponse | Http2ServerResponse): number {
  return 'stream' in response ? (response.stream?.writableLength ?? 0) : response.writableLength;
}
