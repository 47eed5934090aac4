import { type DescMethod, fromJson, type JsonObject, type Message } from '@bufbuild/protobuf';
import { exampleRequest } from '../example/example-request.ts';
import { type Answer, canonical } from './answers.ts';
import { type FakeContract, methodName } from './fake-contract.ts';
import { matches } from './match.ts';

/** How a fake answers one request. */
export type Reply = Answer['result'] | { readonly unknown: string };

/**
 * Answers a request from examples: the first that matches, or for a method without examples, a message made from the contract. `unknown`:
 * the method has examples, but none matches.
 */
export function answerCall(
  method: DescMethod,
  request: Message,
  answers: ReadonlyMap<string, readonly Answer[]>,
  { registry }: FakeContract,
): Reply {
  const examples = answers.get(methodName(method));
  if (examples === undefined)
    return { responses: [fromJson(method.output, exampleRequest(method.output), { registry })] };
  const json: JsonObject = canonical(method.input, request, registry);
  const found = examples.find((example) => !example.request || matches(method.input, example.request, json));
  return found?.result ?? { unknown: `no answer for ${JSON.stringify(json)}` };
}
