import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodStreaming,
  type DescMethodUnary,
  isMessage,
  type Message,
  type MessageInitShape,
} from '@bufbuild/protobuf';
import {
  Code,
  ConnectError,
  type Interceptor,
  type StreamRequest,
  type StreamResponse,
  type UnaryRequest,
  type UnaryResponse,
} from '@connectrpc/connect';
import type { MethodImplementation, ServiceImplementation } from './implement.ts';
import type { InterceptedCall } from './incoming-call.ts';

type Next = ReturnType<Interceptor>;
type Handle = MethodImplementation['handle'];

/**
 * The same service behind interceptors, in the order and with the meaning that connect-es gives them on a server: the first one is the
 * outermost, a request that is passed on in place of the given one is what the handler sees, and what is thrown is the answer. They run
 * within the call, whatever protocol it came by. Without interceptors it is the service itself.
 */
export function intercepted(
  implementation: ServiceImplementation,
  interceptors: readonly Interceptor[],
): ServiceImplementation {
  if (interceptors.length === 0) return implementation;
  const methods = implementation.methods.map((each) => ({ ...each, handle: interceptedHandle(each, interceptors) }));
  return { ...implementation, methods };
}

function interceptedHandle({ method, handle }: MethodImplementation, interceptors: readonly Interceptor[]): Handle {
  if (isUnary(method)) return unary(method, handle, interceptors);
  if (!isStreaming(method)) return handle;
  const takesMany = method.methodKind !== 'server_streaming';
  const answersMany = method.methodKind !== 'client_streaming';
  const stream = streaming(method, interceptors, async ({ message }, call) => {
    const answer = handle(takesMany ? message : await only(message, 'request'), call);
    return answersMany ? normalizedAll(method.output, answer) : single(normalized(method.output, await answer));
  });
  return (request, call) => {
    const messages = takesMany ? (request as AsyncIterable<Message>) : single(request as Message);
    const answers = stream(messages, call);
    return answersMany ? answers : only(answers, 'answer');
  };
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === 'unary';
}

function isStreaming(method: DescMethod): method is DescMethodStreaming {
  return method.methodKind !== 'unary';
}

function unary(method: DescMethodUnary, handle: Handle, interceptors: readonly Interceptor[]): Handle {
  return async (message, call) => {
    const given: UnaryRequest = requestOf(call, { stream: false as const, method, message: message as Message });
    let own: UnaryResponse | undefined;
    const response = await run(interceptors, call, given, async (request) => {
      if (request.stream) throw wrongKind(given);
      const answer = normalized(method.output, await handle(request.message, call));
      own = responseOf(call, { stream: false as const, method, message: answer });
      return own;
    });
    if (response.stream) throw wrongKind(given);
    if (response !== own) {
      copyHeaders(response.header, call.responseHeader);
      copyHeaders(response.trailer, call.responseTrailer);
    }
    return response.message;
  };
}

function streaming(
  method: DescMethodStreaming,
  interceptors: readonly Interceptor[],
  answer: (request: StreamRequest, call: InterceptedCall) => Promise<AsyncIterable<Message>>,
) {
  return async function* (message: AsyncIterable<Message>, call: InterceptedCall): AsyncIterable<Message> {
    const given: StreamRequest = requestOf(call, { stream: true as const, method, message });
    let own: StreamResponse | undefined;
    const response = await run(interceptors, call, given, async (request) => {
      if (!request.stream) throw wrongKind(given);
      own = responseOf(call, { stream: true as const, method, message: await answer(request, call) });
      return own;
    });
    if (!response.stream) throw wrongKind(given);
    const isOwn = response === own;
    if (!isOwn) copyHeaders(response.header, call.responseHeader);
    yield* response.message;
    if (!isOwn) copyHeaders(response.trailer, call.responseTrailer);
  };
}

function run(
  interceptors: readonly Interceptor[],
  call: InterceptedCall,
  given: UnaryRequest | StreamRequest,
  last: Next,
): ReturnType<Next> {
  const handler: Next = async (request) => {
    if (request !== given) call.passOn(request);
    return last(request);
  };
  return interceptors.reduceRight((next, interceptor) => interceptor(next), handler)(given);
}

/** Headers, signals and values are made for interceptors that ask for them. */
function requestOf<Rest extends object>(call: InterceptedCall, rest: Rest) {
  return {
    ...rest,
    service: call.service,
    requestMethod: call.requestMethod,
    get url() {
      return call.url;
    },
    get signal() {
      return call.signal;
    },
    get header() {
      return call.requestHeader;
    },
    get contextValues() {
      return call.values;
    },
  };
}

function responseOf<Rest extends object>(call: InterceptedCall, rest: Rest) {
  return {
    ...rest,
    service: call.service,
    get header() {
      return call.responseHeader;
    },
    get trailer() {
      return call.responseTrailer;
    },
  };
}

/** What an interceptor answers with in place of the call's own headers replaces them. */
function copyHeaders(from: Headers, to: Headers): void {
  if (from === to) return;
  for (const name of [...to.keys()]) to.delete(name);
  for (const [name, value] of from) to.append(name, value);
}

function normalized(schema: DescMessage, answer: unknown): Message {
  return isMessage(answer, schema) ? answer : create(schema, answer as MessageInitShape<DescMessage>);
}

async function* normalizedAll(schema: DescMessage, answers: unknown): AsyncIterable<Message> {
  for await (const answer of answers as AsyncIterable<unknown>) yield normalized(schema, answer);
}

async function* single(message: Message): AsyncIterable<Message> {
  yield message;
}

async function only(messages: AsyncIterable<Message>, what: string): Promise<Message> {
  let found: Message | undefined;
  for await (const message of messages) {
    if (found) throw new ConnectError(`the ${what} must be one message, not several`, Code.Unimplemented);
    found = message;
  }
  if (!found) throw new ConnectError(`the ${what} must be one message, not none`, Code.Unimplemented);
  return found;
}

function wrongKind({ method, stream }: UnaryRequest | StreamRequest): TypeError {
  const kind = stream ? 'a stream' : 'a unary call';
  return new TypeError(`${method.parent.typeName}/${method.name} is ${kind}: an interceptor must keep \`stream\``);
}
