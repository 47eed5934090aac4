import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt';
import test from 'ava';
import { type TinyMethod, tinyContract } from '../testing/tiny-contract.ts';
import { lint, lintFindings } from './lint.ts';

interface Service {
  readonly callers?: readonly string[];
  readonly methods: Readonly<Record<string, TinyMethod>>;
}

/** The contracts of a mesh in one set: a descriptor set after another is the set of both. */
function mesh(services: Readonly<Record<string, Service>>): Uint8Array {
  const sets = Object.entries(services).map(([name, { callers = [], methods }]) =>
    tinyContract(name, methods, { callers: [...callers] }),
  );
  return Buffer.concat(sets);
}

const told = (services: Readonly<Record<string, Service>>) =>
  lint(mesh(services), { graph: true }).map(({ field, message }) => `${field}: ${message}`);

const seconds = (count: number) => ({ seconds: BigInt(count) });

test('a callee that may take longer than any method of its caller', (t) => {
  const callee = (seconds_: number) => ({
    callers: ['a.a'],
    methods: { Slow: { policy: { deadline: seconds(seconds_) } } },
  });
  const caller = { methods: { One: { policy: { deadline: seconds(2) } }, Two: { policy: { deadline: seconds(5) } } } };
  t.deepEqual(told({ 'a.a': caller, 'b.b': callee(5) }), []);
  t.deepEqual(told({ 'a.a': caller, 'b.b': callee(6) }), [
    'b.b.v1.TestService/Slow: may take 6000 ms with its tries, but no method of a.a, which may call it, lives longer than 5000 ms',
  ]);
  // A stream without an end waits for anything.
  const streams = { methods: { ...caller.methods, Watch: { kind: 'server' as const } } };
  t.deepEqual(told({ 'a.a': streams, 'b.b': callee(6) }), []);
});

test('tries that end sooner than the deadline are the worst case', (t) => {
  const policy = { deadline: seconds(60), tryTimeout: seconds(1), retry: { maxRetries: 2, maxBackoff: seconds(1) } };
  const callee = { callers: ['a.a'], methods: { Get: { level: Level.NO_SIDE_EFFECTS, policy } } };
  t.deepEqual(told({ 'a.a': { methods: { One: { policy: { deadline: seconds(5) } } } }, 'b.b': callee }), []);
  t.regex(
    told({ 'a.a': { methods: { One: { policy: { deadline: seconds(4) } } } }, 'b.b': callee })[0] ?? '',
    /may take 5000 ms with its tries/,
  );
});

test('circles of calls, each once', (t) => {
  const found = told({
    'a.a': { callers: ['c.c'], methods: { A: {} } },
    'b.b': { callers: ['a.a'], methods: { B: {} } },
    'c.c': { callers: ['b.b'], methods: { C: {} } },
    'd.d': { callers: ['a.a'], methods: { D: {} } },
  });
  t.deepEqual(found, [
    'a.a.v1.TestService/A: closes a cycle of calls: a.a -> b.b.v1.TestService/B -> c.c.v1.TestService/C -> a.a.v1.TestService/A',
  ]);
});

test('retries that multiply along a path, told where it becomes too much', (t) => {
  const retried = (maxRetries: number) => ({
    Get: { level: Level.NO_SIDE_EFFECTS, policy: { retry: { maxRetries } } },
  });
  const chain = (maxRetries: number) => ({
    'a.a': { methods: retried(maxRetries) },
    'b.b': { callers: ['a.a'], methods: retried(maxRetries) },
    'c.c': { callers: ['b.b'], methods: retried(maxRetries) },
    'd.d': { callers: ['c.c'], methods: retried(maxRetries) },
  });
  t.deepEqual(told(chain(1)), []);
  t.deepEqual(told(chain(2)), [
    'c.c.v1.TestService/Get: may be tried 27 times for one call: a.a.v1.TestService/Get (3) -> b.b.v1.TestService/Get (3) -> c.c.v1.TestService/Get (3)',
  ]);
});

test('a step that may not be repeated, behind a method that is', (t) => {
  const policy = { retry: {} };
  const step = { callers: ['a.a'], methods: { Pay: {} } };
  t.deepEqual(told({ 'a.a': { methods: { Do: { level: Level.IDEMPOTENT, policy } } }, 'b.b': step }), [
    'b.b.v1.TestService/Pay: may not be repeated, but a.a, which may call it, is itself repeated in a.a.v1.TestService/Do',
  ]);
  const keyed = { methods: { Do: { policy: { ...policy, idempotencyKey: 'key' } } } };
  t.deepEqual(told({ 'a.a': keyed, 'b.b': step }), []);
});

test('files in any order, and where a finding is for tools with positions of their own', (t) => {
  const set = mesh({ 'a.a': { methods: {} }, 'b.b': { methods: { Get: { policy: { retry: {} } } } } });
  t.like(lintFindings(set)[0], { rule: 'policy', file: 'b/b/v1/test.proto', sourcePath: [6, 0, 2, 0] });
});
