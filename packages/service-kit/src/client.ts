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
  type Interceptor,
  type Transport,
} from '@connectrpc/connect';
import { currentCall } from './current-call.ts';
import { timerMs } from './grpc/timeout.ts';
import { inheritedValues } from './inherited-values.ts';
import { interceptedTransport } from './intercepted-transport.ts';
import { logicalName } from './logical-name.ts';
import { clientMethod } from './outbound/client-method.ts';
import { outboundConnections } from './outbound/connections.ts';
import { grpcTransport } from './outbound/grpc-transport.ts';
import { observedTransport } from './outbound/observed-transport.ts';
import { currentTransaction } from './postgres/transaction-scope.ts';
import { ServiceError } from './service-error.ts';

/** How one call is made. */
export interface CallOptions {
  /**
   * How long this call may take, 24.8 days at most. The deadline of the call that is being answered holds too; the earlier one counts.
   * Default: only that.
   */
  readonly deadlineMs?: number;
  /** As deadlineMs, by connect-es' name. */
  readonly timeoutMs?: number;
  /** Aborted: the call is cancelled. So it is when the call that is being answered is. */
  readonly signal?: AbortSignal;
  readonly headers?: ConnectCallOptions['headers'];
  /** For the interceptors of this call. Default: those of the call that is being answered; what a client's interceptors set stays with them. */
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
  /** "host:port" or "unix:/path" that speaks plain HTTP/2. Default: $WEFT_OUTBOUND, this process' sidecar; read at the first call. */
  readonly outbound?: string;
  /** The callee's logical name. Default: the service's proto package without its version. */
  readonly authority?: string;
  /** What requests of at least 1 KiB are compressed with. Answers may come in gzip or deflate. Default: nothing. */
  readonly compression?: 'gzip';
  /** connect-es interceptors around each call, the first one outermost. Default: none. */
  readonly interceptors?: readonly Interceptor[];
  /** What carries the calls instead of the sidecar: any Transport of connect-es, such as that of fake() or createRouterTransport(). For tests. */
  readonly transport?: Transport;
}

/**
 * A client of `service` by way of the sidecar. Each call carries the deadline that is left to the call being answered, its
 * trace and its cancellation. Retries are the mesh's. A call from within a database transaction is refused: the
 * transaction would hold its connection for as long as the callee likes.
 */
export function client<Desc extends DescService>(service: Desc, options: ClientOptions = {}): Client<Desc> {
  const authority = options.authority ?? logicalName(service);
  const { outbound, compression, interceptors = [] } = options;
  const transport =
    options.transport ??
    grpcTransport({ authority, compression, connections: () => outboundConnections(outboundAddress(outbound)) });
  const observed = observedTransport(transport, authority);
  const called =
    interceptors.length === 0 ? observed : interceptedTransport(observed, interceptors, `http://${authority}`);
  const calls = service.methods.map((method) => {
    const call = clientMethod(method, called);
    return [
      method.localName,
      (request: unknown, given?: CallOptions) => call(request, connectOptions(authority, given)),
    ];
  });
  return Object.fromEntries(calls) as Client<Desc>; // What clientMethod() made of each method.
}

function outboundAddress(address = process.env.WEFT_OUTBOUND): string {
  if (address) return address;
  throw new ServiceError(Code.Internal, 'client: WEFT_OUTBOUND must be the address of the sidecar, as 127.0.0.1:20002');
}

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
