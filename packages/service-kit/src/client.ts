import type {
  DescMethodBiDiStreaming,
  DescMethodClientStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import {
  Code,
  type CallOptions as ConnectCallOptions,
  type ContextValues,
  createClient,
  type Interceptor,
  type Transport,
} from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { clientSpans } from './call-span.ts';
import { currentCall } from './current-call.ts';
import { defaultLimits } from './grpc/limits.ts';
import { formatTimeout, timerMs } from './grpc/timeout.ts';
import { inheritedValues } from './inherited-values.ts';
import { interceptedTransport } from './intercepted-transport.ts';
import { logicalName } from './logical-name.ts';
import { outboundSession } from './outbound-session.ts';
import { noteOnwardFailures } from './own-failure.ts';
import { currentTransaction } from './postgres/transaction-scope.ts';
import { ServiceError } from './service-error.ts';

/** How one call is made. */
export interface CallOptions {
  /**
   * How long this call may take, at most 24.8 days. The deadline of the incoming call applies too; the earlier one wins. Default: only the
   * incoming call's deadline.
   */
  readonly deadlineMs?: number;
  /** The same as deadlineMs, under connect-es' name. */
  readonly timeoutMs?: number;
  /** Aborting it cancels the call. Cancelling the incoming call does, too. */
  readonly signal?: AbortSignal;
  readonly headers?: ConnectCallOptions['headers'];
  /**
   *   /** Context values for the interceptors of this call. Default: the incoming call's; values that a client's interceptors set do not leak into it.
   */
  readonly contextValues?: ContextValues;
  /** Called with the response's headers. */
  readonly onHeader?: (headers: Headers) => void;
  /** Called with the response's trailers. */
  readonly onTrailer?: (trailers: Headers) => void;
}

/** The methods of a service as functions. They fail with ConnectError. */
export type Client<Desc extends DescService> = {
  readonly [Name in keyof Desc['method']]: Desc['method'][Name] extends DescMethodUnary<infer I, infer O>
    ? (request: MessageInitShape<I>, options?: CallOptions) => Promise<MessageShape<O>>
    : Desc['method'][Name] extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageInitShape<I>, options?: CallOptions) => AsyncIterable<MessageShape<O>>
      : Desc['method'][Name] extends DescMethodClientStreaming<infer I, infer O>
        ? (requests: AsyncIterable<MessageInitShape<I>>, options?: CallOptions) => Promise<MessageShape<O>>
        : Desc['method'][Name] extends DescMethodBiDiStreaming<infer I, infer O>
          ? (requests: AsyncIterable<MessageInitShape<I>>, options?: CallOptions) => AsyncIterable<MessageShape<O>>
          : never;
};

/** Where a client's calls go. */
export interface ClientOptions {
  /** "host:port" or "unix:/path" of a plain HTTP/2 server. Default: $WEFT_OUTBOUND, this process's sidecar, read at the first call. */
  readonly outbound?: string;
  /** The callee's logical name. Default: the service's proto package without its version. */
  readonly authority?: string;
  /** connect-es interceptors around each call, outermost first. Default: none. */
  readonly interceptors?: readonly Interceptor[];
  /** Replaces the sidecar, for tests: any connect-es Transport, such as that of fake() or createRouterTransport(). */
  readonly transport?: Transport;
}

/**
 * A client of `service` through the sidecar. Each call carries the remaining deadline, the trace and the cancellation of the incoming call.
 * The mesh does the retries. A call inside a database transaction is refused, because a slow callee would hold the transaction's
 * connection.
 */
export function client<Desc extends DescService>(service: Desc, options: ClientOptions = {}): Client<Desc> {
  const authority = options.authority ?? logicalName(service);
  const interceptors = [...(options.interceptors ?? []), noteOnwardFailures, clientSpans(authority)];
  const transport = options.transport ?? sidecarTransport(authority, options.outbound);
  const methods = createClient(service, interceptedTransport(transport, interceptors, `http://${authority}`));
  const byName: Readonly<Record<string, unknown>> = methods;
  const calls = service.methods.map(({ localName }) => [
    localName,
    (request: unknown, callOptions?: CallOptions) => {
      const call = byName[localName];
      if (typeof call === 'function')
        return Reflect.apply(call, methods, [request, connectOptions(authority, callOptions)]);
    },
  ]);
  return Object.fromEntries(calls) as Client<Desc>; // The same functions with the same names, but our options.
}

/** Through the sidecar, whose address is read at the first call. */
function sidecarTransport(authority: string, outbound: string | undefined): Transport {
  let transport: Transport | undefined;
  const connected = (): Transport => {
    transport ??= createGrpcTransport({
      baseUrl: `http://${authority}`,
      sessionManager: outboundSession(outboundAddress(outbound)).forAuthority(authority),
      readMaxBytes: defaultLimits.maxMessageBytes,
      acceptCompression: [],
      interceptors: [writtenTimeout],
    });
    return transport;
  };
  return {
    unary: (...call) => connected().unary(...call),
    stream: (...call) => connected().stream(...call),
  };
}

function outboundAddress(address = process.env.WEFT_OUTBOUND): string {
  if (address) return address;
  throw new ServiceError(Code.Internal, 'client: WEFT_OUTBOUND must be the address of the sidecar, as 127.0.0.1:20002');
}

/** connect writes every timeout in milliseconds, which has room for 27 hours. */
const writtenTimeout: Interceptor = (next) => (request) => {
  const milliseconds = /^(\d{9,})m$/.exec(request.header.get('grpc-timeout') ?? '')?.[1];
  if (milliseconds !== undefined) request.header.set('grpc-timeout', formatTimeout(Number(milliseconds)));
  return next(request);
};

function connectOptions(authority: string, options: CallOptions = {}): ConnectCallOptions {
  const schema = currentTransaction();
  if (schema !== undefined)
    throw new ServiceError(Code.Internal, `client: ${authority} must not be called within a transaction on ${schema}`);
  const answering = currentCall();
  const limits = [options.deadlineMs, options.timeoutMs, answering?.timeoutMs()].filter((limit) => limit !== undefined);
  const signals = [options.signal, answering?.signal].filter((signal) => signal !== undefined);
  const [only, other] = signals;
  const contextValues = options.contextValues ?? (answering && inheritedValues(() => answering.values));
  const timeoutMs = Math.min(...limits);
  return {
    // At least 1 ms: 0 would be no timeout.
    ...(timeoutMs < Number.POSITIVE_INFINITY && { timeoutMs: timerMs(timeoutMs) }),
    ...(only && { signal: other ? AbortSignal.any([only, other]) : only }),
    ...(options.headers && { headers: options.headers }),
    ...(contextValues && { contextValues }),
    ...(options.onHeader && { onHeader: options.onHeader }),
    ...(options.onTrailer && { onTrailer: options.onTrailer }),
  };
}
