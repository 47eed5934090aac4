import { create, type DescMessage, isMessage, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { messageReader } from './decode/message-reader.ts';
import type { GrpcCall, GrpcMethod } from './grpc/call.ts';
import type { Limits } from './grpc/limits.ts';
import { type GrpcStatus, grpcCode } from './grpc/status.ts';
import { statusOf } from './grpc/status-of.ts';
import type { MethodImplementation, ServiceImplementation } from './implement.ts';
import { GrpcIncomingCall } from './incoming-call.ts';
import { ownFailure } from './own-failure.ts';
import { reportError } from './report-error.ts';

/** The methods of `services` for createGrpcHandler(): messages decoded, checked and encoded. */
export function grpcMethods(services: readonly ServiceImplementation[], limits: Limits): Map<string, GrpcMethod> {
  return new Map(
    services.flatMap(({ service, methods }) =>
      methods.map((method): [string, GrpcMethod] => [
        `/${service.typeName}/${method.method.name}`,
        grpcMethod(method, limits),
      ]),
    ),
  );
}

function grpcMethod(implementation: MethodImplementation, limits: Limits): GrpcMethod {
  const { method } = implementation;
  const read = messageReader(method.input, limits);
  const { output } = method;
  switch (method.methodKind) {
    case 'unary':
      return (grpc) => grpc.readOne((bytes) => answerOne(implementation, grpc, () => read(bytes), output));
    case 'client_streaming':
      return (grpc) => answerOne(implementation, grpc, () => decodeAll(grpc.messages, read), output);
    case 'server_streaming':
      return (grpc) => grpc.readOne((bytes) => void answerMany(implementation, grpc, () => read(bytes), output));
    case 'bidi_streaming':
      return (grpc) => answerMany(implementation, grpc, () => decodeAll(grpc.messages, read), output);
  }
}

/** Answers with one message. No promise is made for a handler that answers at once. */
function answerOne(
  implementation: MethodImplementation,
  grpc: GrpcCall,
  request: () => unknown,
  output: DescMessage,
): void {
  const call = new GrpcIncomingCall(implementation.method, grpc);
  const fail = (error: unknown) => end(call, grpc, error);
  const reply = (answer: unknown) => {
    try {
      const framed = grpc.frame(encode(output, answer));
      const headers = call.headersToSend;
      if (headers) grpc.respond(headers);
      grpc.finish(okStatus(call), framed);
      call.ended(grpcCode.ok);
    } catch (error) {
      fail(error);
    }
  };
  try {
    const message = request();
    const answer = call.run(() => implementation.handle(message, call));
    if (answer instanceof Promise) answer.then(reply, fail);
    else reply(answer);
  } catch (error) {
    fail(error);
  }
}

/** Answers with a stream, no faster than the caller reads it. */
async function answerMany(
  implementation: MethodImplementation,
  grpc: GrpcCall,
  request: () => unknown,
  output: DescMessage,
): Promise<void> {
  const call = new GrpcIncomingCall(implementation.method, grpc);
  let iterator: AsyncIterator<unknown> | undefined;
  try {
    const message = request();
    iterator = call.run(() => iterate(implementation.handle(message, call)));
    const next = iterator.next.bind(iterator);
    for (;;) {
      const { done, value } = await unlessAborted(call.run(next), grpc.signal);
      if (done) break;
      grpc.respond(call.headersToSend);
      if (!grpc.write(grpc.frame(encode(output, value)))) await grpc.drained();
    }
    grpc.respond(call.headersToSend);
    grpc.finish(okStatus(call));
    call.ended(grpcCode.ok);
  } catch (error) {
    end(call, grpc, error);
    // A handler that is still at work is told to stop; nobody waits for it.
    iterator?.return?.().then(undefined, () => {});
  }
}

/** What `promise` gives or, sooner, the reason of an abort. Leaves nothing on the signal, which outlives many of these. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    const over = () => signal.removeEventListener('abort', abort);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    void promise.then(resolve, reject).then(over);
  });
}

function iterate(answer: unknown): AsyncIterator<unknown> {
  if (typeof answer !== 'object' || answer === null || !(Symbol.asyncIterator in answer))
    throw new TypeError('a handler of a stream must return an AsyncIterable');
  return (answer as AsyncIterable<unknown>)[Symbol.asyncIterator]();
}

async function* decodeAll<T>(messages: AsyncIterable<Uint8Array>, read: (bytes: Uint8Array) => T): AsyncIterable<T> {
  for await (const bytes of messages) yield read(bytes);
}

/** Encodes what a handler returned: a message, or the values of one. */
function encode(schema: DescMessage, answer: unknown): Uint8Array {
  return toBinary(schema, isMessage(answer, schema) ? answer : create(schema, answer as MessageInitShape<DescMessage>));
}

const ok: GrpcStatus = { code: grpcCode.ok };

function okStatus(call: GrpcIncomingCall): GrpcStatus {
  const trailers = call.trailersToSend;
  return trailers ? { code: grpcCode.ok, trailers } : ok;
}

function end(call: GrpcIncomingCall, grpc: GrpcCall, error: unknown): void {
  const status = statusOf(error);
  call.run(() => reportError(call, error, status.code));
  call.ended(status.code);
  const headers = call.headersToSend;
  // A stream's headers stay headers. The error of a unary call is one frame, and all metadata is in it.
  if (headers && call.method.methodKind.endsWith('_streaming') && call.method.methodKind !== 'client_streaming')
    grpc.respond(headers);
  const trailers = { ...headers, ...call.trailersToSend, ...status.trailers, ...ownFailure(call, status.code) };
  grpc.finish({ ...status, trailers });
}
