import type { DescMethod } from '@bufbuild/protobuf';
import type { HandlerContext } from '@connectrpc/connect';
import type { Logger } from 'pino';
import { type ServerSpan, startServerSpan } from './call-span.ts';
import { callerOf } from './caller.ts';
import { type Call, runAsCall } from './current-call.ts';
import type { GrpcCall } from './grpc/call.ts';
import { fromNodeHeaders, type Metadata, maxMetadataEntries, sendableMetadata } from './grpc/metadata.ts';
import { statusOf } from './grpc/status-of.ts';
import { logger } from './log/logger.ts';

abstract class IncomingCall implements Call {
  readonly method: DescMethod;
  abstract readonly requestHeaders: Headers;
  abstract readonly responseHeaders: Headers;
  abstract readonly responseTrailers: Headers;
  abstract readonly signal: AbortSignal;
  abstract readonly deadline?: number;
  readonly #span: ServerSpan | undefined;
  #log: Logger | undefined;

  constructor(method: DescMethod, header: (name: string) => string | undefined) {
    this.method = method;
    this.#span = startServerSpan(method, header);
  }

  /** Runs `fn` as part of answering this call. */
  run<T>(fn: () => T): T {
    return this.#span ? this.#span.run(() => runAsCall(this, fn)) : runAsCall(this, fn);
  }

  /** Whether telemetry follows this call. */
  get traced(): boolean {
    return this.#span !== undefined;
  }

  /** Tells telemetry how the call ended. Only the first end counts. */
  ended(code: number): void {
    this.#span?.end(code);
  }

  get caller(): string {
    return callerOf(this.requestHeaders.get('x-forwarded-client-cert'));
  }

  get log(): Logger {
    this.#log ??= logger().child({ method: `${this.method.parent.typeName}/${this.method.name}` });
    return this.#log;
  }

  remainingMs(): number | undefined {
    return this.deadline === undefined ? undefined : Math.max(0, this.deadline - Date.now());
  }
}

/** A call that came by gRPC. Headers are made when they are asked for: most handlers never do. */
export class GrpcIncomingCall extends IncomingCall {
  readonly #grpc: GrpcCall;
  declare readonly deadline?: number;
  #requestHeaders: Headers | undefined;
  #responseHeaders: Headers | undefined;
  #responseTrailers: Headers | undefined;

  constructor(method: DescMethod, grpc: GrpcCall) {
    super(method, (name) => grpc.headers[name]?.toString());
    this.#grpc = grpc;
    if (grpc.deadline !== undefined) this.deadline = grpc.deadline;
    // The call may be over long before a handler that does not heed the signal.
    if (this.traced)
      grpc.signal.addEventListener('abort', () => this.ended(statusOf(grpc.signal.reason).code), { once: true });
  }

  get requestHeaders(): Headers {
    this.#requestHeaders ??= fromNodeHeaders(this.#grpc.headers);
    return this.#requestHeaders;
  }

  get responseHeaders(): Headers {
    this.#responseHeaders ??= new Headers();
    return this.#responseHeaders;
  }

  get responseTrailers(): Headers {
    this.#responseTrailers ??= new Headers();
    return this.#responseTrailers;
  }

  get signal(): AbortSignal {
    return this.#grpc.signal;
  }

  /** What the handler has put into responseHeaders; undefined for nothing. */
  get headersToSend(): Metadata | undefined {
    return this.#responseHeaders && sendableMetadata(this.#responseHeaders);
  }

  /** What the handler has put into responseTrailers; undefined for nothing. */
  get trailersToSend(): Metadata | undefined {
    return this.#responseTrailers && sendableMetadata(this.#responseTrailers);
  }
}

/** A call that came by Connect, gRPC-Web or JSON. */
export class ConnectIncomingCall extends IncomingCall {
  readonly requestHeaders: Headers;
  readonly responseHeaders = new Headers();
  readonly responseTrailers = new Headers();
  readonly signal: AbortSignal;
  declare readonly deadline?: number;
  readonly #context: HandlerContext;
  #entriesLeft = maxMetadataEntries;

  constructor(context: HandlerContext) {
    super(context.method, (name) => context.requestHeader.get(name) ?? undefined);
    this.requestHeaders = context.requestHeader;
    this.#context = context;
    this.signal = context.signal;
    const timeoutMs = context.timeoutMs();
    if (timeoutMs !== undefined) this.deadline = Date.now() + Math.ceil(timeoutMs);
  }
  /** Whether what only sidecars read can be sent as a header of HTTP, and so be taken away: it is the answer's body that carries the rest. */
  get endsInHeaders(): boolean {
    return this.#context.protocolName === 'connect' && this.method.methodKind === 'unary';
  }

  /** Gives Connect what the handler has put into responseHeaders. To be called before the first message. */
  sendHeaders(): void {
    this.#copy(this.responseHeaders, this.#context.responseHeader);
  }

  /** Gives Connect what the handler has put into responseTrailers. To be called after the last message. */
  sendTrailers(): void {
    this.#copy(this.responseTrailers, this.#context.responseTrailer);
  }

  /** How many entries of metadata may still be sent. Where trailers are sent as headers, they share the room of headers. */
  get entriesLeft(): number {
    return this.endsInHeaders ? this.#entriesLeft : maxMetadataEntries;
  }

  #copy(from: Headers, to: Headers): void {
    for (const [name, value] of Object.entries(sendableMetadata(from, { maxEntries: this.entriesLeft }) ?? {}))
      for (const one of [value].flat()) {
        to.append(name, one);
        this.#entriesLeft--;
      }
  }
}
