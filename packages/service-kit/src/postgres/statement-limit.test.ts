import { Code, ConnectError } from '@connectrpc/connect';
import { OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import test from 'ava';
import { runAsCall } from '../current-call.ts';
import { testCall } from '../test-call.ts';
import { roundTimeout, statementLimit } from './statement-limit.ts';

for (const [ms, rounded] of [
  [1, 10],
  [99, 100],
  [101, 110],
  [1_996, 2_000],
  [14_999, 15_000],
  [15_001, 16_000],
  [30_000, 30_000],
] as const) {
  test(`a timeout of ${ms} ms is sent as ${rounded} ms`, (t) => {
    t.is(roundTimeout(ms), rounded);
  });
}

test('outside of a call the limit is the default', (t) => {
  const limit = statementLimit('kit', undefined);
  t.is(limit.remainingMs(), 30_000);
  t.notThrows(() => limit.throwIfOver());
});

test('a limit is over when the call’s signal, the own signal or the deadline says so', (t) => {
  const { getOrder } = OrderService.method;
  const aborted = AbortSignal.abort();
  const hungUp = runAsCall(testCall(getOrder, { signal: aborted }), () => statementLimit('kit', undefined));
  t.throws(() => hungUp.throwIfOver(), { code: Code.Canceled });
  const own = runAsCall(testCall(getOrder), () => statementLimit('kit', aborted));
  t.throws(() => own.throwIfOver(), { code: Code.Canceled });
  const late = runAsCall({ ...testCall(getOrder), timeoutMs: () => 0 }, () => statementLimit('kit', undefined));
  t.throws(() => late.throwIfOver(), { code: Code.DeadlineExceeded });
});

test('a reason that is an answer is the answer', (t) => {
  const reason = new ConnectError('the server stops', Code.Unavailable);
  t.is(
    t.throws(() => statementLimit('kit', AbortSignal.abort(reason)).throwIfOver()),
    reason,
  );
});
