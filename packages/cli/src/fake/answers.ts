import {
  type DescMessage,
  type DescMethod,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Message,
  type Registry,
  toJson,
} from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { didYouMean } from '@weft/compiler/model/did-you-mean';
import { parse } from 'yaml';
import { z } from 'zod';
import { CommandError, reasonOf } from '../command-error.ts';
import { type FakeContract, methodName, methodsOf } from './fake-contract.ts';

/** One example: an answer, and the requests that it is for. */
export interface Answer {
  /** The fields that a request must contain, in canonical JSON; undefined: any request. */
  readonly request: PartialMessage | undefined;
  /** Messages (exactly one unless the method streams), or the error of the call. */
  readonly result: { readonly responses: readonly Message[] } | { readonly error: { code: Code; message: string } };
}

/** A message of which only the named fields count. */
export interface PartialMessage {
  readonly json: JsonObject;
  readonly asWritten: JsonObject;
}

const codes = Object.entries(Code).flatMap(([name, code]) =>
  typeof code === 'number' ? [{ name: name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase(), code }] : [],
);
const codeNames = codes.map(({ name }) => name).join(', ');

const codeSchema = z.union([z.string(), z.number()]).transform((value, context) => {
  // Both spellings are in use: "canceled" and "cancelled".
  const wanted = String(value).toUpperCase().replace('CANCELLED', 'CANCELED');
  const found = codes.find(({ name, code }) => name === wanted || String(code) === wanted);
  if (found) return found.code;
  context.addIssue({ code: 'custom', message: `${value} is not a gRPC code; expected one of ${codeNames}` });
  return z.NEVER;
});

const message = z.record(z.string(), z.json(), 'must be a message: fields and their values');
const answerSchema = z.strictObject(
  {
    request: message.optional(),
    response: message.optional(),
    responses: z.array(message, 'must be a list of messages').optional(),
    error: z.strictObject({ code: codeSchema, message: z.string().default('') }, 'must be {code, message}').optional(),
  },
  {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `${issue.keys.join(', ')} is not a field of an answer; expected: request, response, responses, error`
        : 'must be {request, response} or {request, error}',
  },
);
const fileSchema = z.record(
  z.string(),
  z.array(answerSchema, 'must be a list of answers'),
  'must be methods, each with a list of answers',
);

/**
 * Reads a file of examples, checked against the contract: by method name ("bank.payments.v1.PaymentService/Charge"), its answers in order.
 * A method may also be written "PaymentService/Charge" or "Charge" if that is unambiguous. `file` is used in error messages.
 *
 * @throws CommandError that names the file, the method and the field.
 */
export function parseAnswers(text: string, file: string, contract: FakeContract): Map<string, readonly Answer[]> {
  let content: unknown;
  try {
    content = parse(text) ?? {};
  } catch (error) {
    throw new CommandError(`${file}: not YAML: ${reasonOf(error)}`, { cause: error });
  }
  const read = fileSchema.safeParse(content);
  if (!read.success) throw new CommandError(`${file}: ${read.error.issues.map(issueWords).join('; ')}`);
  const answers = new Map<string, readonly Answer[]>();
  for (const [name, entries] of Object.entries(read.data)) {
    const method = methodNamed(name, file, contract);
    if (answers.has(methodName(method))) throw new CommandError(`${file}: ${name}: appears twice; merge the two lists`);
    const at = (index: number, field: string) => `${file}: ${name}: answer ${index + 1}${field ? `: ${field}` : ''}`;
    answers.set(
      methodName(method),
      entries.map((entry, index) => answerOf(entry, method, contract.registry, (field) => at(index, field))),
    );
  }
  return answers;
}

function answerOf(
  { request, response, responses, error }: z.infer<typeof answerSchema>,
  method: DescMethod,
  registry: Registry,
  where: (field: string) => string,
): Answer {
  const given = [response, responses, error].filter((value) => value !== undefined);
  if (given.length !== 1) throw new CommandError(`${where('')}: must have one of response, responses and error`);
  const streams = method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming';
  if (responses && !streams) {
    throw new CommandError(`${where('responses')}: ${method.name} answers with one message; use response`);
  }
  const messages = responses ?? (response ? [response] : []);
  return {
    request: request && partialMessage(request, method.input, registry, where('request')),
    result: error
      ? { error }
      : {
          responses: messages.map((json, index) =>
            decoded(json, method.output, registry, where(responses ? `responses.${index}` : 'response')),
          ),
        },
  };
}

function partialMessage(asWritten: JsonObject, desc: DescMessage, registry: Registry, where: string): PartialMessage {
  return { asWritten, json: canonical(desc, decoded(asWritten, desc, registry, where), registry) };
}

function decoded(json: JsonValue, desc: DescMessage, registry: Registry, where: string): Message {
  try {
    return fromJson(desc, json, { registry });
  } catch (error) {
    throw new CommandError(`${where}: ${reasonOf(error)}`, { cause: error });
  }
}

/** A message in canonical JSON, including fields that have their default value. */
export function canonical(desc: DescMessage, value: Message, registry: Registry): JsonObject {
  const json = toJson(desc, value, { registry, alwaysEmitImplicit: true });
  return isObject(json) ? json : {};
}

/** Whether a JSON value is an object. */
export function isObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function methodNamed(name: string, file: string, contract: FakeContract): DescMethod {
  const methods = methodsOf(contract);
  const found = methods.filter((method) => {
    const full = methodName(method);
    return full === name || full.endsWith(`.${name}`) || method.name === name;
  });
  const [method, another] = found;
  if (method && !another) return method;
  const names = methods.map(methodName);
  if (method) throw new CommandError(`${file}: ${name}: is ambiguous; write ${found.map(methodName).join(' or ')}`);
  const suggestion = didYouMean(name, [...names, ...methods.map((each) => each.name)]);
  throw new CommandError(
    `${file}: ${name}: the contract has no such method.${suggestion} It has ${names.join(', ') || 'none'}.`,
  );
}

function issueWords({ path: [method, index, ...field], message: words }: z.core.$ZodIssue): string {
  const answer = typeof index === 'number' ? `answer ${index + 1}` : undefined;
  return [method, answer, field.join('.') || undefined, words].filter((part) => part !== undefined).join(': ');
}
