import { create, type DescMethod, type JsonValue, type MessageInitShape, toJson } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { descriptorSet } from '@weft/test-contracts';
import test from 'ava';
import { answerCall, type Reply } from './answer-call.ts';
import { parseAnswers } from './answers.ts';
import { fakeContract, methodsOf } from './fake-contract.ts';

const contract = fakeContract(descriptorSet('bakery.payments'), 'bakery.payments');
const file = 'fakes/payments.yaml';

function method(name: string): DescMethod {
  const found = methodsOf(contract).find((each) => each.name === name);
  if (!found) throw new Error(`no method ${name}`);
  return found;
}

/** What a file of examples answers: messages in JSON, an error, or that it has no answer. */
function answered(text: string, name: string, request: MessageInitShape<DescMethod['input']>): JsonValue | Reply {
  const { input, output } = method(name);
  const reply = answerCall(method(name), create(input, request), parseAnswers(text, file, contract), contract);
  return 'responses' in reply ? reply.responses.map((message) => toJson(output, message)) : reply;
}

test('the first example whose fields a request has answers; nested fields, both spellings, defaults count', (t) => {
  const answers = `
bakery.payments.v1.PaymentService/Authorize:
  - request: {order_id: a, amount: {currencyCode: EUR}}
    response: {payment_id: nested}
  - request: {orderId: ""}
    response: {paymentId: empty}
  - request: {orderId: declined}
    error: {code: FAILED_PRECONDITION, message: no money}
PaymentService/Capture:
  - response: {paymentId: any, status: PAYMENT_STATUS_CAPTURED}
`;
  const amount = { currencyCode: 'EUR', units: 3n };
  t.deepEqual(answered(answers, 'Authorize', { orderId: 'a', amount }), [{ paymentId: 'nested' }]);
  t.deepEqual(answered(answers, 'Authorize', { amount }), [{ paymentId: 'empty' }]);
  t.deepEqual(answered(answers, 'Authorize', { orderId: 'declined' }), {
    error: { code: Code.FailedPrecondition, message: 'no money' },
  });
  t.regex(
    JSON.stringify(answered(answers, 'Authorize', { orderId: 'a', amount: { currencyCode: 'USD' } })),
    /no answer for .*USD/,
  );
  t.deepEqual(answered(answers, 'Capture', { orderId: 'b' }), [
    { paymentId: 'any', status: 'PAYMENT_STATUS_CAPTURED' },
  ]);
});

test('a method without examples answers with a message made from the contract', (t) => {
  const answer = [{ paymentId: 'some-payment-id', status: 'PAYMENT_STATUS_AUTHORIZED' }];
  t.deepEqual(answered('', 'Capture', { orderId: 'b' }), answer);
  t.deepEqual(answered('TokenizeCard: [{response: {}}]', 'Capture', { orderId: 'b' }), answer);
});

for (const [what, text, message] of [
  ['no YAML', 'a: [', /^fakes\/payments\.yaml: not YAML: /],
  ['no map', '- a', /^fakes\/payments\.yaml: must be methods, each with a list of answers$/],
  ['no list', 'Capture: {response: {}}', /^fakes\/payments\.yaml: Capture: must be a list of answers$/],
  ['an unknown method', 'Captur: []', /: Captur: the contract has no such method\. .*Capture.* It has bakery\./],
  ['a method twice', 'Capture: []\nPaymentService/Capture: []', /: PaymentService\/Capture: appears twice/],
  ['an unknown field of a response', 'Capture: [{response: {payment: a}}]', /Capture: answer 1: response: .*payment/],
  [
    'a wrong type',
    'Capture: [{response: {}}, {response: {paymentId: 3}}]',
    /Capture: answer 2: response: .*payment_id/,
  ],
  ['an unknown field of a request', 'Capture: [{request: {order: a}, response: {}}]', /answer 1: request: .*order/],
  ['an unknown enum value', 'Capture: [{response: {status: PAID}}]', /answer 1: response: .*PAID/],
  [
    'an unknown key',
    'Capture: [{answer: {}}]',
    /Capture: answer 1: answer is not a field of an answer; expected: request/,
  ],
  ['nothing to answer', 'Capture: [{request: {}}]', /answer 1: must have one of response, responses and error$/],
  ['two answers', 'Capture: [{response: {}, error: {code: 5}}]', /answer 1: must have one of response/],
  [
    'many messages of one',
    'Capture: [{responses: [{}]}]',
    /responses: Capture answers with one message; use response$/,
  ],
  [
    'an unknown code',
    'Capture: [{error: {code: OOPS}}]',
    /answer 1: error\.code: OOPS is not a gRPC code; expected one of CANCELED/,
  ],
] as const) {
  test(`a file with ${what} is refused by name`, (t) => {
    t.throws(() => parseAnswers(text, file, contract), { message });
  });
}
