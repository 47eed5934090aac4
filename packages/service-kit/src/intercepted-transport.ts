import type { DescMessage, DescMethodStreaming, DescMethodUnary } from '@bufbuild/protobuf';
import { type CallOptions, createContextValues, type Interceptor, type Transport } from '@connectrpc/connect';
import { runStreamingCall, runUnaryCall } from '@connectrpc/connect/protocol';
import { MessageStream } from './outbound/message-stream.ts';

/**
 * `transport` behind interceptors, with the meaning that connect-es gives them on a client, whatever the transport is made of. What time
 * they take is taken from the call's. `baseUrl` is what they see before a method's path: "http://bakery.orders".
 */
export function interceptedTransport(
  transport: Transport,
  interceptors: readonly Interceptor[],
  baseUrl: string,
): Transport {
  const requestOf = <Method extends DescMethodUnary | DescMethodStreaming>(
    method: Method,
    header: CallOptions['headers'],
    contextValues = createContextValues(),
  ) => ({
    service: method.parent,
    method,
    requestMethod: 'POST',
    url: `${baseUrl}/${method.parent.typeName}/${method.name}`,
    header: new Headers(header),
    contextValues,
  });
  return {
    unary: (method, signal, timeoutMs, header, message, values) => {
      const left = timeLeft(timeoutMs);
      return runUnaryCall({
        req: { stream: false, message, ...requestOf(method, header, values) },
        ...limits(signal, timeoutMs),
        interceptors: [...interceptors],
        next: (request) =>
          transport.unary(
            request.method,
            request.signal,
            left(),
            request.header,
            request.message as typeof message,
            request.contextValues,
          ),
      });
    },
    stream: <I extends DescMessage, O extends DescMessage>(
      ...[method, signal, timeoutMs, header, message, values]: Parameters<typeof transport.stream<I, O>>
    ) => {
      const left = timeLeft(timeoutMs);
      const stop = new AbortController();
      const response = runStreamingCall<I, O>({
        req: { stream: true, message, ...requestOf(method, header, values) },
        ...limits(signal ? AbortSignal.any([signal, stop.signal]) : stop.signal, timeoutMs),
        interceptors: [...interceptors],
        next: (request) =>
          transport.stream(
            request.method,
            request.signal,
            left(),
            request.header,
            request.message as typeof message,
            request.contextValues,
          ),
      });
      // connect-es hides from a transport that its reader has stopped.
      return response.then((given) => ({
        ...given,
        message: new MessageStream(given.message, (end) => {
          if (end && !('error' in end)) stop.abort();
        }),
      }));
    },
  };
}

/** As an options object has them: left out, not undefined. */
function limits(signal: AbortSignal | undefined, timeoutMs: number | undefined) {
  return { ...(signal && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) };
}

/** Milliseconds that are left of `timeoutMs`, at least 1: 0 would be no timeout. */
function timeLeft(timeoutMs: number | undefined): () => number | undefined {
  if (!timeoutMs) return () => timeoutMs;
  const endMs = performance.now() + timeoutMs;
  return () => Math.max(1, Math.ceil(endMs - performance.now()));
}
