import test from 'ava';
import type { Method } from '../model/method.ts';
import { withinRule } from './rule-limits.ts';

const method: Method = {
  path: '/a.B/Get',
  grpcService: 'a.B',
  name: 'Get',
  kind: 'unary',
  safety: 'idempotent',
  callers: new Set(),
  deadlineMs: 1000,
  retry: { codes: ['internal', 'unavailable'], maxRetries: 3, baseBackoffMs: 25, maxBackoffMs: 250 },
  rateLimits: [],
  http: [],
  versions: [],
  origins: {},
};

test('a rule that says nothing leaves the method itself', (t) => {
  t.is(withinRule(method, [method], {}), method);
});

test('of several backends the one that allows least counts', (t) => {
  const { retry: _, ...unsafe } = { ...method, safety: 'unsafe' as const };
  t.like(withinRule(method, [method, unsafe], {}), { safety: 'unsafe', retry: undefined });
  t.like(withinRule(method, [method, undefined], {}), { safety: 'unsafe', retry: undefined });
});

test('retries become fewer and later, and never more', (t) => {
  const within = (retry: object) => withinRule(method, [method], { retry }).retry;
  t.like(within({ maxRetries: 1 }), { maxRetries: 1, codes: ['internal', 'unavailable'] });
  t.like(within({ maxRetries: 9, codes: ['unavailable', 'cancelled'] }), { maxRetries: 3, codes: ['unavailable'] });
  t.like(within({ baseBackoffMs: 500 }), { baseBackoffMs: 500, maxBackoffMs: 500 });
  t.is(within({ maxRetries: 0 }), undefined);
  t.is(within({ codes: ['cancelled'] }), undefined);
});

test('a time for each try ends the call where there is no second one', (t) => {
  const timeouts = { backendRequestMs: 100 };
  t.like(withinRule(method, [method], { timeouts }), { deadlineMs: 1000, tryTimeoutMs: 100 });
  const { retry: _, ...once } = method;
  t.like(withinRule(once, [once], { timeouts }), { deadlineMs: 100, tryTimeoutMs: undefined });
  const stream = { ...once, kind: 'server_stream' as const };
  t.like(withinRule(stream, [stream], { timeouts: { requestMs: 50, idleMs: 10 } }), {
    maxDurationMs: 50,
    idleTimeoutMs: 10,
  });
});
