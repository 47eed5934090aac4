import { create, type DescMethod, isMessage, type Message } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import type { ServiceImplementation } from '@weft/service-kit';
import { answerCall } from './answer-call.ts';
import type { Answer } from './answers.ts';
import type { FakeContract } from './fake-contract.ts';
import type { OwnHandler } from './handlers-module.ts';
import type { Kit } from './kit.ts';

/** How a fake answers. If both are empty, it answers with messages made from the contract. */
export interface FakeAnswers {
  readonly answers: ReadonlyMap<string, readonly Answer[]>;
  readonly handlers: ReadonlyMap<string, OwnHandler>;
  /** The file with the answers, for error messages. */
  readonly file: string;
}

/** The services of a contract with an answer for each of their methods. */
export function fakeServices(
  contract: FakeContract,
  how: FakeAnswers,
  kit: Pick<Kit, 'ServiceError'>,
): ServiceImplementation[] {
  const replies = (method: DescMethod, request: Message): readonly Message[] => {
    const reply = answerCall(method, request, how.answers, contract);
    if ('unknown' in reply) throw new kit.ServiceError(Code.Unimplemented, `${how.file} has ${reply.unknown}; add one`);
    if ('error' in reply) throw new kit.ServiceError(reply.error.code, reply.error.message);
    return reply.responses;
  };
  return contract.services.map((service) => ({
    service,
    methods: service.methods.map((method) => ({
      method,
      // A fake has no side effect that a repeated call could double.
      heedsRepeats: 'repeatable',
      handle:
        how.handlers.get(method.localName) ??
        ((request: unknown) => exampleAnswer(method, request, (message) => replies(method, message))),
    })),
  }));
}

function exampleAnswer(
  method: DescMethod,
  request: unknown,
  replies: (request: Message) => readonly Message[],
): Message | undefined | Promise<Message | undefined> | AsyncIterable<Message> {
  switch (method.methodKind) {
    case 'unary':
      return replies(messageOf(method, request))[0];
    case 'server_streaming':
      return each([request]);
    case 'client_streaming':
      return answerLast();
    case 'bidi_streaming':
      return each(messagesOf(request));
  }

  async function* each(requests: Iterable<unknown> | AsyncIterable<unknown>): AsyncIterable<Message> {
    for await (const one of requests) yield* replies(messageOf(method, one));
  }

  async function answerLast(): Promise<Message | undefined> {
    let last: Message = create(method.input);
    for await (const one of messagesOf(request)) last = messageOf(method, one);
    return replies(last)[0];
  }
}

function messageOf({ input }: DescMethod, value: unknown): Message {
  if (isMessage(value, input)) return value;
  throw new TypeError(`the kit did not pass a ${input.typeName}`);
}

function messagesOf(value: unknown): AsyncIterable<unknown> {
  if (isAsyncIterable(value)) return value;
  throw new TypeError('the kit did not pass a stream of requests');
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
