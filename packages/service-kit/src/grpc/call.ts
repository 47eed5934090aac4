import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import type { GrpcStatus } from './status.ts';

/** One gRPC call on the server, with messages as bytes. */
export interface GrpcCall {
  /** "/package.Service/Method". */
  readonly path: string;
  /** The request's headers as node:http2 gives them; binary ones (-bin) are base64. */
  readonly headers: IncomingHttpHeaders;
  /** The trace in `traceparent`, else one that this call begins. Error answers name it; what follows the call by another one sets it. */
  traceId: string;
  /** Aborted, with the GrpcError that ends the call, when the caller hangs up, when the deadline passes and when the request cannot be read. */
  readonly signal: AbortSignal;
  /** When the caller stops waiting, in milliseconds since the epoch; undefined: as long as it takes. */
  readonly deadline: number | undefined;
  /** Who calls: whether its TLS certificate was verified (false for plain text), and its IP address ("" on a unix socket). */
  readonly peer: { readonly authorized: boolean; readonly address: string };
  /** The request's messages, decompressed. Not read ahead of the consumer by more than a few. To be iterated once. */
  readonly messages: AsyncIterable<Uint8Array>;
  /**
   * Calls back with each of the request's messages, decompressed, as it arrives: for a consumer that never waits. Use it in place of
   * `messages`. Resolves when the request or the call has ended; rejects with the GrpcError that interrupted the call.
   */
  readEach(onMessage: (message: Uint8Array) => void): Promise<void>;
  /** For calls whose request is one message: calls back with it when the request is complete. Ends the call itself when there is none or more than one. */
  readOne(onMessage: (message: Uint8Array) => void): void;
  /** Sends the headers now, with `headers` added; else they go with the first message. No effect once they are sent. */
  respond(headers?: OutgoingHttpHeaders): void;
  /** Frames a message for this call alone: compressed when the caller compresses its own and the message is not small. */
  frame(message: Uint8Array): Buffer;
  /** Sends a framed message. False: enough is waiting to be sent; go on after drained(). */
  write(framed: Uint8Array): boolean;
  /** Resolves when what was written has been sent, and when the call has ended. */
  drained(): Promise<void>;
  /** Ends the call, after a `last` framed message. Only the first end counts. */
  finish(status: GrpcStatus, last?: Uint8Array): void;
}

/** What answers the calls of one method. When it throws or rejects, the call ends with that error's code. */
export type GrpcMethod = (call: GrpcCall) => Promise<void> | void;
