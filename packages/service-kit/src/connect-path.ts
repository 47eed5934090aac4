import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import {
  create,
  type DescMessage,
  type DescService,
  isMessage,
  type MessageInitShape,
  type Registry,
} from '@bufbuild/protobuf';
import { Code, ConnectError, createConnectRouter, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from '@connectrpc/connect-node';
import { acceptedCompressions, acceptedEncodings } from './accepted-encodings.ts';
import { checkedRequest } from './decode/checked-body.ts';
import { fitStatus } from './grpc/fit-status.ts';
import type { Limits } from './grpc/limits.ts';
import { grpcCode } from './grpc/status.ts';
import { statusOf } from './grpc/status-of.ts';
import { maxTimerMs, parseTimeout } from './grpc/timeout.ts';
import { WaitingBytes } from './grpc/waiting-bytes.ts';
import { HttpExchange } from './http-exchange.ts';
import type { MethodImplementation, ServiceImplementation } from './implement.ts';
import { ConnectIncomingCall } from './incoming-call.ts';
import { logger } from './log/logger.ts';
import { ownFailure } from './own-failure.ts';
import { reportError } from './report-error.ts';
import { RequestBody } from './request-body.ts';
import { validation } from './rules/validation.ts';
import { traceIdHeader, traceIdOf } from './trace-id.ts';

/** What connectListener() makes. */
export interface HttpListener {
  (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse): void;
  /** Ends the exchanges whose callers are too slow, at `nowMs` of performance.now(). To be called about once a second. */
  sweep(nowMs: number): void;
}

/** A listener for HTTP requests that answers Connect, gRPC-Web and JSON with the handlers that gRPC has. */
export function connectListener(
  services: readonly ServiceImplementation[],
  limits: Limits,
  types: Registry,
  shutdownSignal: AbortSignal,
  waiting = new WaitingBytes(limits),
): HttpListener {
  const router = createConnectRouter({
    grpc: false,
    shutdownSignal,
    readMaxBytes: limits.maxMessageBytes,
    acceptCompression: acceptedCompressions,
    // So that google.protobuf.Any can be JSON.
    jsonOptions: { registry: types },
  });
  for (const { service, methods } of services) router.service(service, connectHandlers(methods, limits));
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));

  const exchanges = new Set<HttpExchange>();
  const sweep = (nowMs: number) => {
    for (const exchange of exchanges) exchange.sweep(nowMs);
  };
  const listener = (
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
  ): void => {
    const handler = handlers.get(request.url?.split('?', 1)[0] ?? '');
    const named = request.headers.host ?? request.headers[':authority'];
    if (!handler || !named) {
      refuse(request, response, handler ? 400 : 404);
      return;
    }
    const universal = universalRequestFromNodeRequest(request, response, undefined, undefined);
    clampTimeouts(universal.header);
    const { methodKind } = handler.method;
    const body = new RequestBody(request, response, methodKind === 'unary' || methodKind === 'server_streaming');
    const exchange = new HttpExchange(request, response, body, limits, waiting);
    exchanges.add(exchange);
    response.on('close', () => exchanges.delete(exchange));
    handler(checkedRequest(universal, body, handler.method, limits))
      .then((answer) => {
        const accepted = acceptedEncodings(universal.header);
        if (accepted) answer.header?.set(...accepted);
        // What was refused before it was a call.
        if (answer.status >= 400 && answer.header?.has(traceIdHeader) === false)
          answer.header.set(traceIdHeader, traceIdOf(universal.header.get('traceparent')));
        return universalResponseToNodeResponse(inTime(answer, body), response);
      })
      .catch((error) => {
        // What a handler throws is an answer; this is a caller that has gone before it had one.
        logger().debug({ err: error, path: handler.requestPath }, 'the answer could not be sent');
        response.destroy();
      });
  };
  return Object.assign(listener, { sweep });
}

/** connect arms a timer with whatever the headers say, and a longer wait than a timer can hold ends at once. */
function clampTimeouts(header: Headers): void {
  const connectTimeout = header.get('connect-timeout-ms') ?? '';
  if (/^\d{10}$/.test(connectTimeout) && Number(connectTimeout) > maxTimerMs)
    header.set('connect-timeout-ms', String(maxTimerMs));
  const { timeoutMs = 0 } = parseTimeout(header.get('grpc-timeout') ?? undefined);
  if (timeoutMs > maxTimerMs) header.set('grpc-timeout', `${Math.floor(maxTimerMs / 1_000)}S`);
}

type Answer = Parameters<typeof universalResponseToNodeResponse>[0];

/** The same answer, but nothing of it before the request has come to where it can be answered. */
function inTime(answer: Answer, request: RequestBody): Answer {
  const { body } = answer;
  if (!body) return answer;
  const held = async function* () {
    for await (const chunk of body) {
      await request.answerable();
      yield chunk;
    }
  };
  return { ...answer, body: held() };
}

function refuse(
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
  status: number,
): void {
  void new RequestBody(request, response, true).return(); // The rest of the request is thrown away, and does not go on for ever.
  response.statusCode = status;
  response.setHeader('content-type', 'text/plain');
  response.end(status === 404 ? 'no method has this path\n' : 'a request must name its host\n');
}

/** The handlers of a service for a router of connect-es: requests checked, errors told, within a call. */
export function connectHandlers(
  methods: readonly MethodImplementation[],
  limits: Limits,
): Partial<ServiceImpl<DescService>> {
  const handlers: Record<string, unknown> = {};
  for (const each of methods) handlers[each.method.localName] = connectHandler(each, limits);
  // The kind of each method, checked by connectHandler(), is not in the type of a service that is only known at run time.
  return handlers as Partial<ServiceImpl<DescService>>;
}

function connectHandler(implementation: MethodImplementation, limits: Limits) {
  const { method } = implementation;
  const validate = validation(method.input, limits);
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
        const answer = call.run(async () => implementation.handle(input, call));
        const message = output(method.output, await unlessAborted(answer, call.signal));
        call.ended(grpcCode.ok);
        call.sendHeaders();
        call.sendTrailers();
        return message;
      } catch (error) {
        call.sendHeaders();
        throw connectError(call, error, limits);
      }
    };
  return async function* (request: unknown, context: HandlerContext): AsyncIterable<object> {
    const call = new ConnectIncomingCall(context);
    let iterator: AsyncIterator<unknown> | undefined;
    let hasBegun = false;
    const begin = () => {
      if (!hasBegun) call.sendHeaders();
      hasBegun = true;
    };
    try {
      const input = check(request);
      const answer = call.run(() => implementation.handle(input, call)) as AsyncIterable<unknown>;
      iterator = answer[Symbol.asyncIterator]();
      const next = iterator.next.bind(iterator);
      for (;;) {
        const { done, value } = await unlessAborted(call.run(next), call.signal);
        if (done) break;
        begin();
        yield output(method.output, value);
      }
      call.ended(grpcCode.ok);
      begin();
      call.sendTrailers();
    } catch (error) {
      begin();
      throw connectError(call, error, limits);
    } finally {
      // Also when the caller has gone; a handler that is still at work is told to stop, and nobody waits for it.
      iterator?.return?.().then(undefined, () => {});
      call.ended(grpcCode.cancelled);
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

function connectError(call: ConnectIncomingCall, error: unknown, { maxStatusBytes }: Limits): ConnectError {
  const status = statusOf(error);
  const { code } = status;
  call.run(() => reportError(call, error, code));
  call.ended(code);
  call.sendTrailers();
  const trailers = {
    ...status.trailers,
    [traceIdHeader]: call.traceId,
    ...(call.endsInHeaders ? ownFailure(call, code) : undefined),
  };
  const sent = fitStatus({ ...status, trailers }, maxStatusBytes, call.entriesLeft);
  const metadata = new Headers();
  for (const [name, value] of Object.entries(sent.trailers))
    for (const one of [value].flat()) metadata.append(name, one);
  const outgoing = (status.details ?? []).slice(0, sent.details.length);
  const connect = new ConnectError(sent.message, code === grpcCode.ok ? Code.Unknown : code, metadata);
  connect.details = outgoing.map((detail) =>
    'desc' in detail ? detail : { type: detail.typeUrl.replace(/^.*\//, ''), value: detail.value },
  );
  return connect;
}
