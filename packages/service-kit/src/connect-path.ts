import { create, type DescMessage, type DescService, isMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { runAsCall } from './current-call.ts';
import type { Limits } from './grpc/limits.ts';
import { grpcCode } from './grpc/status.ts';
import { statusOf } from './grpc/status-of.ts';
import type { MethodImplementation, ServiceImplementation } from './implement.ts';
import { ConnectIncomingCall } from './incoming-call.ts';
import { reportError } from './report-error.ts';
import { validation } from './validation.ts';

/** A listener for HTTP requests that answers Connect, gRPC-Web and JSON with the handlers that gRPC has. */
export function connectListener(services: readonly ServiceImplementation[], limits: Pick<Limits, 'maxMessageBytes'>) {
  return connectNodeAdapter({
    grpc: false,
    readMaxBytes: limits.maxMessageBytes,
    writeMaxBytes: limits.maxMessageBytes,
    routes: (router) => {
      for (const { service, methods } of services) router.service(service, connectHandlers(methods));
    },
  });
}

/** The kind of each method, checked by connectHandler(), is not in the type of a service that is only known at run time. */
function connectHandlers(methods: readonly MethodImplementation[]): Partial<ServiceImpl<DescService>> {
  const handlers: Record<string, unknown> = {};
  for (const each of methods) handlers[each.method.localName] = connectHandler(each);
  return handlers as Partial<ServiceImpl<DescService>>;
}

function connectHandler(implementation: MethodImplementation) {
  const { method } = implementation;
  const validate = validation(method.input);
  const checked = (request: unknown): unknown => {
    if (validate && isMessage(request, method.input)) validate(request);
    return request;
  };
  const checkedAll = async function* (requests: AsyncIterable<unknown>) {
    for await (const request of requests) yield checked(request);
  };
  const takesMany = method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming';
  const check = takesMany ? (requests: unknown) => checkedAll(requests as AsyncIterable<unknown>) : checked;

  if (method.methodKind === 'unary' || method.methodKind === 'client_streaming')
    return async (request: unknown, context: HandlerContext): Promise<object> => {
      const call = new ConnectIncomingCall(context);
      try {
        const input = check(request);
        const answer = runAsCall(call, async () => implementation.handle(input, call));
        return output(method.output, await unlessAborted(answer, call.signal));
      } catch (error) {
        throw connectError(call, error);
      }
    };
  return async function* (request: unknown, context: HandlerContext): AsyncIterable<object> {
    const call = new ConnectIncomingCall(context);
    let iterator: AsyncIterator<unknown> | undefined;
    try {
      const input = check(request);
      const answer = runAsCall(call, () => implementation.handle(input, call)) as AsyncIterable<unknown>;
      iterator = answer[Symbol.asyncIterator]();
      const next = iterator.next.bind(iterator);
      for (;;) {
        const { done, value } = await unlessAborted(runAsCall(call, next), call.signal);
        if (done) return;
        yield output(method.output, value);
      }
    } catch (error) {
      throw connectError(call, error);
    } finally {
      // Also when the caller has gone; a handler that is still at work is told to stop, and nobody waits for it.
      iterator?.return?.().then(undefined, () => {});
    }
  };
}

function output(schema: DescMessage, answer: unknown): object {
  return isMessage(answer, schema) ? answer : create(schema, answer as MessageInitShape<DescMessage>);
}

/** `work`, or the signal's reason as soon as it is aborted. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function connectError(call: ConnectIncomingCall, error: unknown): ConnectError {
  const { code, message = '', details = [], trailers } = statusOf(error);
  reportError(call, error, code);
  const outgoing = details.flatMap((detail) => ('desc' in detail ? [detail] : []));
  const metadata = new Headers();
  for (const [name, value] of Object.entries(trailers ?? {})) metadata.set(name, String(value));
  return new ConnectError(message, code === grpcCode.ok ? Code.Unknown : code, metadata, outgoing);
}
