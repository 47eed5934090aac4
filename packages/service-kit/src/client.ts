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
  /** Compresses requests of at least 1 KiB. Responses may use gzip or deflate. Default: no compression. */
  readonly compression?: 'gzip';
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
