import type { DescMethod, DescService } from '@bufbuild/protobuf';
import {
  type ContextValues,
  createContextValues,
  type HandlerContext,
  type StreamRequest,
  type UnaryRequest,
} from '@connectrpc/connect';
import type { Logger } from 'pino';
import { type ServerSpan, startServerSpan } from './call-span.ts';
import { type Caller, callerNameHeader, callerOf } from './caller.ts';
import { type Call, runAsCall } from './current-call.ts';
import type { GrpcCall } from './grpc/call.ts';
import { fromNodeHeaders, type Metadata, maxMetadataEntries, sendableMetadata } from './grpc/metadata.ts';
import { statusOf } from './grpc/status-of.ts';
import { logger } from './log/logger.ts';
import { traceIdOf } from './trace-id.ts';

/** What of a call a server's interceptor may replace: it passes another request on. */
export type Replaced = Pick<UnaryRequest | StreamRequest, 'header' | 'signal' | 'contextValues'>;

/** A call that takes in what interceptors make of it. */
export interface InterceptedCall extends Call {
  /** Goes on as an interceptor has passed it on. The caller stays who it is. */
  passOn(request: Replaced): void;
}

abstract class IncomingCall implements InterceptedCall {
  readonly method: DescMethod;
  abstract readonly requestMethod: string;
  abstract readonly url: string;
  abstract readonly protocolName: string;
  abstract readonly responseHeader: Headers;
  abstract readonly responseTrailer: Headers;
  abstract readonly deadline?: number;
  readonly #span: ServerSpan | undefined;
  #replaced: Replaced | undefined;
  #values: ContextValues | undefined;
  #caller: Caller | undefined;
  #log: Logger | undefined;

  constructor(method: DescMethod, span: ServerSpan | undefined) {
    this.method = method;
    this.#span = span;
  }

  /** As they came. */
  protected abstract readonly sentHeader: Headers;
  protected abstract readonly sentSignal: AbortSignal;
  abstract readonly traceId: string;
  protected abstract rawHeader(name: string): string | undefined;

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

  passOn(request: Replaced): void {
    this.#replaced = request;
  }

  get service(): DescService {
    return this.method.parent;
  }

  get requestHeader(): Headers {
    return this.#replaced?.header ?? this.sentHeader;
  }

  get signal(): AbortSignal {
    return this.#replaced?.signal ?? this.sentSignal;
  }

  get values(): ContextValues {
    this.#values ??= createContextValues();
    return this.#replaced?.contextValues ?? this.#values;
  }

  get caller(): Caller {
    this.#caller ??= callerOf(this.rawHeader('x-forwarded-client-cert'), this.rawHeader(callerNameHeader));
    return this.#caller;
  }

  get log(): Logger {
    this.#log ??= logger().child({ method: `${this.method.parent.typeName}/${this.method.name}` });
    return this.#log;
  }

  /** A function of its own, as in a HandlerContext of connect-es: it may be taken out of the call. */
  get timeoutMs(): () => number | undefined {
    const { deadline } = this;
    return () => (deadline === undefined ? undefined : Math.max(0, deadline - Date.now()));
  }
}

/** A call that came by gRPC. Headers are made when they are asked for: most handlers never do. */
export class GrpcIncomingCall extends IncomingCall {
  readonly #grpc: GrpcCall;
  declare readonly deadline?: number;
  #requestHeader: Headers | undefined;
  #responseHeader: Headers | undefined;
  #responseTrailer: Headers | undefined;

  constructor(method: DescMethod, grpc: GrpcCall) {
    super(
      method,
      startServerSpan(method, (name) => grpc.headers[name]?.toString(), grpc),
    );
    this.#grpc = grpc;
    if (grpc.deadline !== undefined) this.deadline = grpc.deadline;
    // The call may be over long before a handler that does not heed the signal.
    if (this.traced)
      grpc.signal.addEventListener('abort', () => this.ended(statusOf(grpc.signal.reason).code), { once: true });
  }

  get requestMethod(): string {
    return 'POST';
  }

  get protocolName(): string {
    return 'grpc';
  }

  get url(): string {
    return `http://${this.#grpc.headers[':authority'] ?? ''}${this.#grpc.path}`;
  }

  get traceId(): string {
    return this.#grpc.traceId;
  }

  protected get sentHeader(): Headers {
    this.#requestHeader ??= fromNodeHeaders(this.#grpc.headers);
    return this.#requestHeader;
  }

  protected get sentSignal(): AbortSignal {
    return this.#grpc.signal;
  }

  protected rawHeader(name: string): string | undefined {
    return this.#grpc.headers[name]?.toString();
  }

  get responseHeader(): Headers {
    this.#responseHeader ??= new Headers();
    return this.#responseHeader;
  }

  get responseTrailer(): Headers {
    this.#responseTrailer ??= new Headers();
    return this.#responseTrailer;
  }

  /** What the handler has put into responseHeader; undefined for nothing. */
  get headersToSend(): Metadata | undefined {
    return this.#responseHeader && sendableMetadata(this.#responseHeader);
  }

  /** What the handler has put into responseTrailer; undefined for nothing. */
  get trailersToSend(): Metadata | undefined {
    return this.#responseTrailer && sendableMetadata(this.#responseTrailer);
  }
}

/** A call that came by Connect, gRPC-Web or JSON. */
export class ConnectIncomingCall extends IncomingCall {
  readonly responseHeader: Headers = new Headers();
  readonly responseTrailer: Headers = new Headers();
  readonly traceId: string;
  declare readonly deadline?: number;
  readonly #context: HandlerContext;
  readonly #clientCert: string | undefined;
  readonly #callerName: string | undefined;
  #entriesLeft = maxMetadataEntries;

  constructor(context: HandlerContext) {
    const { requestHeader } = context;
    const trace = { traceId: traceIdOf(requestHeader.get('traceparent')) };
    super(
      context.method,
      startServerSpan(context.method, (name) => requestHeader.get(name) ?? undefined, trace),
    );
    this.traceId = trace.traceId;
    this.#context = context;
    // An interceptor may change the headers.
    this.#clientCert = requestHeader.get('x-forwarded-client-cert') ?? undefined;
    this.#callerName = requestHeader.get(callerNameHeader) ?? undefined;
    const timeoutMs = context.timeoutMs();
    if (timeoutMs !== undefined) this.deadline = Date.now() + Math.ceil(timeoutMs);
  }

  get requestMethod(): string {
    return this.#context.requestMethod;
  }

  get url(): string {
    return this.#context.url;
  }

  get protocolName(): string {
    return this.#context.protocolName;
  }

  protected get sentHeader(): Headers {
    return this.#context.requestHeader;
  }

  protected get sentSignal(): AbortSignal {
    return this.#context.signal;
  }

  protected rawHeader(name: string): string | undefined {
    return name === callerNameHeader ? this.#callerName : this.#clientCert;
  }

  /** Whether what only sidecars read can be sent as a header of HTTP, and so be taken away: it is the answer's body that carries the rest. */
  get endsInHeaders(): boolean {
    return this.#context.protocolName === 'connect' && this.method.methodKind === 'unary';
  }

  /** Gives Connect what the handler has put into responseHeader. To be called before the first message. */
  sendHeaders(): void {
    this.#copy(this.responseHeader, this.#context.responseHeader);
  }

  /** Gives Connect what the handler has put into responseTrailer. To be called after the last message. */
  sendTrailers(): void {
    this.#copy(this.responseTrailer, this.#context.responseTrailer);
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
