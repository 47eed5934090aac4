import { create, type DescMethodStreaming, type DescMethodUnary, type Message } from '@bufbuild/protobuf';
import { type StringValue, StringValueSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createContextKey, type Interceptor, type Transport } from '@connectrpc/connect';
import test from 'ava';
import { Contract } from './contract.fixture.ts';
import type { Call } from './current-call.ts';
import { currentCall, type Server, type ServiceImplementation, serve } from './index.ts';
import { transports } from './order-server.fixture.ts';

const contract = new Contract({
  'echo/v1/echo.proto': `
    syntax = "proto3";
    package echo.v1;
    import "google/protobuf/wrappers.proto";
    service EchoService {
      rpc One(google.protobuf.StringValue) returns (google.protobuf.StringValue);
      rpc Down(google.protobuf.StringValue) returns (stream google.protobuf.StringValue);
      rpc Up(stream google.protobuf.StringValue) returns (google.protobuf.StringValue);
      rpc Both(stream google.protobuf.StringValue) returns (stream google.protobuf.StringValue);
    }`,
});
const service = contract.service('echo.v1.EchoService');
const method = (name: string) => contract.method('echo.v1.EchoService', name);

const user = createContextKey('nobody');
const text = (value: string) => create(StringValueSchema, { value });
const valueIn = (message: unknown) => (message as StringValue).value;

/** What a handler says of its call: the interceptors' user, and a header that they added. */
function heard(value: string, call: Call): StringValue {
  call.responseHeader.set('x-handler', 'header');
  call.responseTrailer.set('x-handler-last', 'trailer');
  return text(`${value} by ${call.values.get(user)} ${call.requestHeader.get('x-added')} ${currentCall() === call}`);
}

const handlers: Record<string, (request: unknown, call: Call) => unknown> = {
  One: (request, call) => heard(valueIn(request), call),
  async *Down(request, call) {
    yield heard(valueIn(request), call);
    yield heard('again', call);
  },
  async Up(requests, call) {
    const values: string[] = [];
    for await (const request of requests as AsyncIterable<unknown>) values.push(valueIn(request));
    return heard(values.join('+'), call);
  },
  async *Both(requests, call) {
    for await (const request of requests as AsyncIterable<unknown>) yield heard(valueIn(request), call);
  },
};

const echo: ServiceImplementation = {
  service,
  methods: service.methods.map((method) => ({ method, handle: handlers[method.name] ?? (() => ({})) })),
};

async function serving(...interceptors: Interceptor[]): Promise<Server> {
  return serve({ services: [echo], interceptors, listen: '127.0.0.1:0', drainMs: 0 });
}

/** What a caller sees of one call. */
async function ask(transport: Transport, name: string, ...sent: string[]) {
  const messages = async function* () {
    for (const value of sent) yield text(value);
  };
  const unary = method(name).methodKind === 'unary';
  const response = unary
    ? await transport.unary(method(name) as DescMethodUnary, undefined, undefined, undefined, text(sent[0] ?? ''))
    : await transport.stream(method(name) as DescMethodStreaming, undefined, undefined, undefined, messages());
  const values: string[] = [];
  if (response.stream) for await (const message of response.message) values.push(valueIn(message));
  else values.push(valueIn(response.message));
  const metadata = (headers: Headers) =>
    [...headers].filter(([name]) => name.startsWith('x-')).map((one) => one.join('='));
  return { values, header: metadata(response.header), trailer: metadata(response.trailer) };
}

const calls: readonly [string, string[], string[]][] = [
  ['One', ['a'], ['a']],
  ['Down', ['a'], ['a', 'again']],
  ['Up', ['a', 'b'], ['a+b']],
  ['Both', ['a', 'b'], ['a', 'b']],
];

/** Each kind of call by each way to make it; HTTP/1.1 has no way for both sides to stream. */
function everyWay(address: string) {
  return Object.entries(transports(address)).flatMap(([protocol, transport]) =>
    calls
      .filter(([name]) => name !== 'Both' || /gRPC$|HTTP\/2/.test(protocol))
      .map(([name, sent, answered]) => ({ what: `${protocol} ${name}`, transport, name, sent, answered })),
  );
}

test('interceptors see each call of every protocol and kind, the first one outermost', async (t) => {
  const order: string[] = [];
  const seen = new Set<string>();
  const named =
    (name: string): Interceptor =>
    (next) =>
    async (request) => {
      order.push(`>${name}`);
      if (name === 'outer') {
        seen.add(`${new URL(request.url).pathname} ${request.requestMethod} ${request.stream} ${request.method.name}`);
        t.is(request.service.typeName, service.typeName);
        t.false(request.signal.aborted);
        request.header.set('x-added', 'added');
        request.contextValues.set(user, 'ada');
      } else t.is(request.contextValues.get(user), 'ada');
      const response = await next(request);
      order.push(`<${name}`);
      response.header.set(`x-${name}`, 'header');
      if (!response.stream) {
        response.trailer.set(`x-${name}-last`, 'trailer');
        return response;
      }
      const { message, trailer } = response;
      const wrapped = async function* () {
        yield* message;
        trailer.set(`x-${name}-last`, 'trailer');
      };
      return { ...response, message: wrapped() };
    };
  const server = await serving(named('outer'), named('inner'));
  for (const { what, transport, name, sent, answered } of everyWay(server.address)) {
    order.length = 0;
    const { values, header, trailer } = await ask(transport, name, ...sent);
    t.deepEqual(
      values,
      answered.map((value) => `${value} by ada added true`),
      what,
    );
    t.deepEqual(order, ['>outer', '>inner', '<inner', '<outer'], what);
    // A stream's headers are sent with its first message, so what a handler sets before it is in them.
    t.deepEqual(header, ['x-handler=header', 'x-inner=header', 'x-outer=header'], what);
    t.deepEqual(trailer, ['x-handler-last=trailer', 'x-inner-last=trailer', 'x-outer-last=trailer'], what);
  }
  t.deepEqual([...seen].sort(), [
    '/echo.v1.EchoService/Both POST true Both',
    '/echo.v1.EchoService/Down POST true Down',
    '/echo.v1.EchoService/One POST false One',
    '/echo.v1.EchoService/Up POST true Up',
  ]);
  await server.close();
});

test('an interceptor may answer instead of the handler, and replace messages and metadata', async (t) => {
  const upper: Interceptor = (next) => async (request) => {
    if (!request.stream) {
      const response = await next({ ...request, message: text(valueIn(request.message).toUpperCase()) as Message });
      return { ...response, header: new Headers({ 'x-instead': 'yes' }) } as typeof response;
    }
    const { message } = request;
    const all = async function* () {
      for await (const one of message) yield text(valueIn(one).toUpperCase());
    };
    const header = new Headers({ 'x-added': 'other headers' });
    const response = await next({ ...request, message: all(), header });
    return { ...response, header: new Headers({ 'x-instead': 'yes' }) } as typeof response;
  };
  const server = await serving(upper);
  for (const { what, transport, name, sent, answered } of everyWay(server.address)) {
    const { values, header } = await ask(transport, name, ...sent);
    const added = name === 'One' ? null : 'other headers';
    const expected = answered.map((value) => (value === 'again' ? value : value.toUpperCase()));
    t.deepEqual(
      values,
      expected.map((value) => `${value} by nobody ${added} true`),
      what,
    );
    t.true(header.includes('x-instead=yes'), what);
    t.is(header.includes('x-handler=header'), name === 'Down' || name === 'Both', what);
  }
  await server.close();

  const cached: Interceptor = () => async (request) => {
    const common = { service: request.service, header: new Headers(), trailer: new Headers({ 'x-from': 'cache' }) };
    const answers = async function* () {
      yield text('cached');
    };
    return request.stream
      ? { ...common, stream: true, method: request.method, message: answers() }
      : { ...common, stream: false, method: request.method, message: text('cached') };
  };
  const short = await serving(cached);
  for (const { what, transport, name, sent } of everyWay(short.address)) {
    const { values, trailer } = await ask(transport, name, ...sent);
    t.deepEqual(values, ['cached'], what);
    t.deepEqual(trailer, ['x-from=cache'], what);
  }
  await short.close();
});

test('what an interceptor throws is the answer, before and in the middle of a stream', async (t) => {
  const refuse: Interceptor = (next) => async (request) => {
    if (request.method.name !== 'Down')
      throw new ConnectError('who are you?', Code.Unauthenticated, { 'www-authenticate': 'Bearer' });
    const response = await next(request);
    if (!response.stream) return response;
    const { message } = response;
    const cut = async function* () {
      for await (const one of message) {
        yield one;
        throw new ConnectError('enough', Code.ResourceExhausted);
      }
    };
    return { ...response, message: cut() };
  };
  const fault: Interceptor = () => () => Promise.reject(new Error('secret'));
  const server = await serving(refuse);
  const faulty = await serving(fault);
  for (const { what, transport, name, sent } of everyWay(server.address)) {
    const error = await t.throwsAsync(ask(transport, name, ...sent), { instanceOf: ConnectError });
    t.is(error?.code, name === 'Down' ? Code.ResourceExhausted : Code.Unauthenticated, what);
    t.is(error?.rawMessage, name === 'Down' ? 'enough' : 'who are you?', what);
    if (name !== 'Down') t.is(error?.metadata.get('www-authenticate'), 'Bearer', what);
  }
  for (const [protocol, transport] of Object.entries(transports(faulty.address))) {
    const error = await t.throwsAsync(ask(transport, 'One', 'a'), { instanceOf: ConnectError });
    t.is(error?.code, Code.Internal, protocol);
    t.notRegex(error?.message ?? '', /secret/, protocol);
  }
  await Promise.all([server.close(), faulty.close()]);
});

test('health and reflection are answered without interceptors', async (t) => {
  const server = await serving(() => () => Promise.reject(new ConnectError('no', Code.PermissionDenied)));
  const health = await fetch(`http://${server.address}/grpc.health.v1.Health/Check`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
    keepalive: false,
  });
  t.deepEqual(await health.json(), { status: 'SERVING' });
  await server.close();
});
