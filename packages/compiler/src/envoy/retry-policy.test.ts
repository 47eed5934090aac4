import test from 'ava';
import type { Method, RetryCode } from '../model/method.ts';
import { deadlineOutcome, retriableOutcome } from './outcome.ts';
import { retryPolicy } from './retry-policy.ts';

const method: Method = {
  path: '/bakery.leaf.v1.LeafService/Get',
  grpcService: 'bakery.leaf.v1.LeafService',
  name: 'Get',
  kind: 'unary',
  safety: 'no_side_effects',
  callers: new Set(['bakery.front']),
  deadlineMs: 15_000,
  rateLimits: [],
  http: [],
  versions: ['a'],
  origins: {},
};
const retry = (...codes: RetryCode[]) => ({ codes, maxRetries: 3, baseBackoffMs: 25, maxBackoffMs: 250 });

test('retryPolicy: an unsafe method is tried again only while it was never delivered, whatever else it says', (t) => {
  const never = 'connect-failure,refused-stream,reset-before-request,retriable-headers';
  for (const unsafe of [
    method,
    { ...method, safety: 'unsafe', retry: retry('unavailable'), tryTimeoutMs: 100 } satisfies Method,
  ]) {
    const policy = retryPolicy(unsafe);
    t.is(policy.retryOn, never);
    t.deepEqual(
      policy.retriableHeaders.map(({ name }) => name),
      ['x-weft-delivered'],
    );
  }
});

test('retryPolicy: a torn connection and a late try are repeated for the codes that they stand for', (t) => {
  const resets = (given: Partial<Method>) =>
    retryPolicy({ ...method, ...given })
      .retryOn.split(',')
      .includes('reset');
  t.true(resets({ retry: retry('unavailable') }));
  t.true(resets({ retry: retry('deadline-exceeded') }));
  t.false(resets({ retry: retry('internal') }));
  t.true(resets({ retry: retry('internal'), tryTimeoutMs: 500 }));
});

test('retryPolicy: no try ends together with the call', (t) => {
  const perTry = (given: Partial<Method>) => retryPolicy({ ...method, ...given }).perTryTimeout?.seconds;
  t.is(perTry({ tryTimeoutMs: 14_000 }), 14n);
  t.is(perTry({ tryTimeoutMs: 15_000 }), undefined);
  t.is(perTry({ hedge: { afterMs: 16_000, maxTries: 2 } }), undefined);
  // As where versions differ, of which the longest deadline counts.
  t.is(perTry({ tryTimeoutMs: 15_000, deadlineMs: 60_000 }), 15n);
});

test('retryPolicy: hedges and retries together are no more than either allows', (t) => {
  const hedge = { afterMs: 50, maxTries: 2 };
  t.is(retryPolicy({ ...method, hedge }).numRetries, 1);
  t.is(retryPolicy({ ...method, hedge, retry: retry('unavailable') }).numRetries, 1);
  t.is(retryPolicy({ ...method, hedge: { ...hedge, maxTries: 9 }, retry: retry('unavailable') }).numRetries, 3);
  t.is(retryPolicy({ ...method, retry: retry('unavailable') }).numRetries, 3);
});

test('retriableOutcome: takes a code as gRPC and as HTTP say it, and only the own failures of the callee', (t) => {
  const takes = (outcome: string) =>
    new RegExp(`^(?:${retriableOutcome(['unavailable', 'resource-exhausted'])})$`).test(outcome);
  for (const outcome of ['200/14/own', '200/8/leaf', '503//own', '502//leafown', '429//own'])
    t.true(takes(outcome), outcome);
  for (const outcome of [
    '200/14/',
    '503//',
    '200//own',
    '200/4/own',
    '200/1/leaf',
    '504//own',
    '200/14/own/own',
    '200/14/late',
  ])
    t.false(takes(outcome), outcome);
});

test('retriableOutcome: a deadline that has passed is not repeated, whoever noticed it', (t) => {
  const takes = new RegExp(`^(?:${retriableOutcome(['deadline-exceeded'])})$`);
  t.true(takes.test('200/4/own'));
  for (const outcome of [deadlineOutcome.header?.value, '200/4/late', '200/4/leaflate'])
    t.notRegex(outcome ?? '', takes);
});
