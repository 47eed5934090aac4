/** A client under test for connectconformance: makes each call that it reads from stdin, and writes what came of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { create, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { type Any, AnySchema, anyUnpack } from '@bufbuild/protobuf/wkt';
import { ConnectError } from '@connectrpc/connect';
import { type CallOptions, client } from '@weft/service-kit';
import {
  type ClientCompatRequest,
  ClientCompatRequestSchema,
  ClientCompatResponseSchema,
  type ClientResponseResult,
  ClientResponseResultSchema,
} from './.cache/gen/connectrpc/conformance/v1/client_compat_pb.ts';
import { Compression } from './.cache/gen/connectrpc/conformance/v1/config_pb.ts';
import {
  BidiStreamRequestSchema,
  ClientStreamRequestSchema,
  ConformancePayloadSchema,
  ConformanceService,
  type Error as ErrorDefinition,
  ErrorSchema,
  type Header,
  HeaderSchema,
  IdempotentUnaryRequestSchema,
  ServerStreamRequestSchema,
  UnaryRequestSchema,
  UnimplementedRequestSchema,
} from './.cache/gen/connectrpc/conformance/v1/service_pb.ts';
import { requestsOf, respond } from './stdio.ts';

/** One call as it goes on. */
class Attempt {
  readonly request: ClientCompatRequest;
  readonly result: ClientResponseResult = create(ClientResponseResultSchema);
  readonly #abort = new AbortController();

  constructor(request: ClientCompatRequest) {
    this.request = request;
    this.result.numUnsentRequests = request.requestMessages.length;
  }

  get options(): CallOptions {
    const headers = new Headers();
    for (const { name, value } of this.request.requestHeaders) for (const one of value) headers.append(name, one);
    return {
      headers,
      signal: this.#abort.signal,
      ...(this.request.timeoutMs !== undefined && { timeoutMs: this.request.timeoutMs }),
      onHeader: (received) => {
        this.result.responseHeaders = listed(received);
      },
      onTrailer: (received) => {
        this.result.responseTrailers = listed(received);
      },
    };
  }

  /** The only request; counts it as sent. */
  async only<Desc extends DescMessage>(schema: Desc): Promise<MessageShape<Desc>> {
    const [first] = this.request.requestMessages;
    await sleep(this.request.requestDelayMs);
    this.result.numUnsentRequests = 0;
    this.#closed();
    return unpacked(schema, first);
  }

  /** The requests one after another; each waits for `turn`. */
  async *all<Desc extends DescMessage>(schema: Desc, turn?: () => Promise<void>): AsyncIterable<MessageShape<Desc>> {
    for (const any of this.request.requestMessages) {
      await sleep(this.request.requestDelayMs);
      this.result.numUnsentRequests--;
      yield unpacked(schema, any);
      await turn?.();
    }
    if (this.request.cancel?.cancelTiming.case === 'beforeCloseSend') {
      // A turn of the event loop, so that the requests are on their way.
      await sleep(1);
      this.#abort.abort();
      return;
    }
    this.#closed();
  }

  /** Notes an answer. */
  received(payload = create(ConformancePayloadSchema)): void {
    this.result.payloads.push(payload);
    this.cancelIfReceived();
  }

  cancelIfReceived(): void {
    const timing = this.request.cancel?.cancelTiming;
    if (timing?.case === 'afterNumResponses' && this.result.payloads.length >= timing.value) this.#abort.abort();
  }

  failed(error: unknown): void {
    const failure = ConnectError.from(error);
    this.result.error = errorDefinition(failure);
    // An error does not tell headers from trailers.
    if (this.result.responseHeaders.length === 0) this.result.responseHeaders = listed(failure.metadata);
    if (this.result.responseTrailers.length === 0) this.result.responseTrailers = listed(failure.metadata);
  }

  #closed(): void {
    const timing = this.request.cancel?.cancelTiming;
    if (timing?.case === 'afterCloseSendMs') setTimeout(() => this.#abort.abort(), timing.value);
  }
}

async function call(attempt: Attempt): Promise<void> {
  const { host, port, method, compression } = attempt.request;
  const outbound = `${host}:${port}`;
  const service = client(ConformanceService, {
    outbound,
    authority: outbound,
    ...(compression === Compression.GZIP && { compression: 'gzip' }),
  });
  const { options } = attempt;
  switch (method) {
    case 'Unary':
      return attempt.received((await service.unary(await attempt.only(UnaryRequestSchema), options)).payload);
    case 'IdempotentUnary': {
      const request = await attempt.only(IdempotentUnaryRequestSchema);
      return attempt.received((await service.idempotentUnary(request, options)).payload);
    }
    case 'Unimplemented':
      await service.unimplemented(await attempt.only(UnimplementedRequestSchema), options);
      return;
    case 'ClientStream':
      return attempt.received((await service.clientStream(attempt.all(ClientStreamRequestSchema), options)).payload);
    case 'ServerStream': {
      const answers = service.serverStream(await attempt.only(ServerStreamRequestSchema), options);
      attempt.cancelIfReceived();
      for await (const { payload } of answers) attempt.received(payload);
      return;
    }
    case 'BidiStream':
      return callBoth(attempt, service.bidiStream);
    default:
      throw new Error(`the client has no method ${method}`);
  }
}

async function callBoth(
  attempt: Attempt,
  bidiStream: ReturnType<typeof client<typeof ConformanceService>>['bidiStream'],
): Promise<void> {
  const [first] = attempt.request.requestMessages;
  const isFull = first !== undefined && unpacked(BidiStreamRequestSchema, first).fullDuplex;
  let answered = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  const turn = async () => {
    await Promise.race([answered.promise, over.promise]);
    answered = Promise.withResolvers();
  };
  try {
    const requests = attempt.all(BidiStreamRequestSchema, isFull ? turn : undefined);
    for await (const { payload } of bidiStream(requests, attempt.options)) {
      attempt.received(payload);
      answered.resolve();
    }
  } finally {
    over.resolve();
  }
}

function unpacked<Desc extends DescMessage>(schema: Desc, any: Any | undefined): MessageShape<Desc> {
  const message = any && anyUnpack(any, schema);
  if (!message) throw new Error(`a request must be ${schema.typeName}, not ${any?.typeUrl}`);
  return message;
}

function listed(headers: Headers): Header[] {
  return [...headers].map(([name, value]) => create(HeaderSchema, { name, value: value.split(', ') }));
}

function errorDefinition({ code, rawMessage, details }: ConnectError): ErrorDefinition {
  return create(ErrorSchema, {
    code,
    message: rawMessage,
    details: details.flatMap((detail) =>
      'type' in detail
        ? [create(AnySchema, { typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value })]
        : [],
    ),
  });
}

async function answer(request: ClientCompatRequest): Promise<void> {
  const attempt = new Attempt(request);
  try {
    await call(attempt);
  } catch (error) {
    attempt.failed(error);
  }
  const { testName } = request;
  respond(
    ClientCompatResponseSchema,
    create(ClientCompatResponseSchema, { testName, result: { case: 'response', value: attempt.result } }),
  );
}

process.env.LOG_LEVEL = 'silent';
/** Calls at once, as of the reference client. More of them would make each other late. */
const parallel = 8;
const underWay = new Set<Promise<void>>();
for await (const request of requestsOf(ClientCompatRequestSchema)) {
  const answering = answer(request).finally(() => underWay.delete(answering));
  underWay.add(answering);
  if (underWay.size >= parallel) await Promise.race(underWay);
}
await Promise.all(underWay);
