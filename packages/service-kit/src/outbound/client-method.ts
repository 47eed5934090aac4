import type { DescMethod, DescMethodStreaming, DescMethodUnary, MessageInitShape } from '@bufbuild/protobuf';
import { type CallOptions, Code, ConnectError, type StreamResponse, type Transport } from '@connectrpc/connect';

/**
 * Calls a method by way of `transport`: a message or an AsyncIterable goes in, a promise of a message or an AsyncIterable comes out, as in
 * a client of connect-es. Other than there, a reader that stops in the middle of a stream cancels the call.
 */
export function clientMethod(
  method: DescMethod,
  transport: Transport,
): (request: unknown, options: CallOptions) => unknown {
  if (isUnary(method))
    return (request, options) =>
      callUnary(method, transport, request as MessageInitShape<typeof method.input>, options);
  if (!isStreaming(method)) return () => undefined;
  const call = (requests: unknown, { signal, timeoutMs, headers, contextValues }: CallOptions) =>
    transport.stream(
      method,
      signal,
      timeoutMs,
      headers,
      requests as AsyncIterable<Record<string, unknown>>,
      contextValues,
    );
  switch (method.methodKind) {
    case 'client_streaming':
      return (requests, options) => onlyMessage(call(requests, options), options);
    case 'server_streaming':
      return (request, options) => messagesOf(call(single(request), options), options);
    case 'bidi_streaming':
      return (requests, options) => messagesOf(call(requests, options), options);
  }
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === 'unary';
}

function isStreaming(method: DescMethod): method is DescMethodStreaming {
  return method.methodKind !== 'unary';
}

async function callUnary(
  method: DescMethodUnary,
  transport: Transport,
  request: MessageInitShape<typeof method.input>,
  { signal, timeoutMs, headers, contextValues, onHeader, onTrailer }: CallOptions,
): Promise<unknown> {
  const response = await transport.unary(method, signal, timeoutMs, headers, request, contextValues);
  onHeader?.(response.header);
  onTrailer?.(response.trailer);
  return response.message;
}

function messagesOf(response: Promise<StreamResponse>, options: CallOptions): AsyncIterable<unknown> {
  response.catch(() => {}); // Told to whoever reads, and to nobody when nobody does.
  return read(response, options);
}

async function* read(response: Promise<StreamResponse>, { onHeader, onTrailer }: CallOptions): AsyncIterable<unknown> {
  const { header, message, trailer } = await response;
  onHeader?.(header);
  yield* message;
  onTrailer?.(trailer);
}

async function onlyMessage(response: Promise<StreamResponse>, options: CallOptions): Promise<unknown> {
  let only: unknown;
  let count = 0;
  for await (const message of read(response, options)) {
    only = message;
    count++;
  }
  if (count === 1) return only;
  const found = count === 0 ? 'none' : 'several';
  throw new ConnectError(`the answer must be one message, not ${found}`, Code.Unimplemented);
}

async function* single<T>(message: T): AsyncIterable<T> {
  yield message;
}
