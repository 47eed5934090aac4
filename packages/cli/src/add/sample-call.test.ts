import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { compileProtos } from '../generate/compile-protos.ts';
import { protoFilesIn } from '../generate/proto-files.ts';
import { sampleCall } from './sample-call.ts';

const policyProtos = join(import.meta.dirname, '../../../policy/proto');

/** The descriptor set of bakery.bread, whose service has these methods; `Empty` and `Named` are requests. */
async function compiled(t: ExecutionContext, methods: string): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'sample-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'bread.proto');
  await writeFile(
    path,
    `syntax = "proto3";
    package bakery.bread.v1;
    import "buf/validate/validate.proto";
    import "weft/policy/v1/policy.proto";
    message Empty { int32 page_size = 1 [(buf.validate.field).int32 = {gte: 0, lte: 100}]; }
    message Named { string name = 1 [(buf.validate.field).string.min_len = 1]; }
    message Timed { int64 at = 1 [(buf.validate.field).int64.gt = 5]; }
    message Odd { string code = 1 [(buf.validate.field).cel = {id: "odd", message: "odd", expression: "this == 'x7'"}]; }
    message Answer {}
    service BreadService {
      option (weft.policy.v1.service) = {callers: ["bakery.cart"], defaults: {deadline: {seconds: 7}}};
      ${methods}
    }`,
  );
  const result = await compileProtos([{ importPath: 'bakery/bread/v1/bread.proto', path }], protoFilesIn(policyProtos));
  if ('problems' in result) throw new Error(result.problems.map(({ message }) => message).join('\n'));
  return result.descriptorSet;
}

const safe = '{ option idempotency_level = NO_SIDE_EFFECTS; }';

test('the sample is the easiest call: without side effects, with a request that may be empty', async (t) => {
  const set = await compiled(
    t,
    `rpc Add(Empty) returns (Answer);
     rpc GetOne(Named) returns (Answer) ${safe}
     rpc WatchAll(Empty) returns (stream Answer) ${safe}
     rpc ListAll(Empty) returns (Answer) ${safe}`,
  );
  t.deepEqual(sampleCall(set, 'bakery.bread', 'bakery.cart'), {
    callee: 'bakery.bread',
    service: 'BreadService',
    method: 'listAll',
    rpc: 'ListAll',
    file: 'bakery/bread/v1/bread',
    request: { name: 'Empty', file: 'bakery/bread/v1/bread', goPackage: '', example: {}, literal: '{}' },
    version: 'v1',
    deadlineMs: 7_000,
  });
});

test('an empty request counts for more than no side effects, and what is needed is told', async (t) => {
  const both = await compiled(t, `rpc GetOne(Named) returns (Answer) ${safe} rpc Add(Empty) returns (Answer);`);
  t.like(sampleCall(both, 'bakery.bread', 'bakery.cart'), { method: 'add', request: { example: {} } });
  const one = await compiled(t, `rpc GetOne(Named) returns (Answer) ${safe}`);
  t.like(sampleCall(one, 'bakery.bread', 'bakery.cart'), {
    method: 'getOne',
    request: { example: { name: 'some-name' }, literal: "{ name: 'some-name' }" },
  });
});

test('a value that TypeScript writes in another way is only in the JSON, and rules can be too involved for an example', async (t) => {
  const timed = await compiled(
    t,
    `rpc GetTimed(Timed) returns (Answer) ${safe} rpc GetOdd(Odd) returns (Answer) ${safe}`,
  );
  t.like(sampleCall(timed, 'bakery.bread', 'bakery.cart'), {
    method: 'getTimed',
    request: { example: { at: 6 }, literal: undefined },
  });
  const odd = await compiled(t, `rpc GetOdd(Odd) returns (Answer) ${safe}`);
  t.like(sampleCall(odd, 'bakery.bread', 'bakery.cart'), { request: { example: undefined, literal: undefined } });
});

test('what the caller may not call, or is a stream, is no sample', async (t) => {
  const set = await compiled(
    t,
    `rpc Watch(Empty) returns (stream Answer) ${safe}
     rpc Internal(Empty) returns (Answer) { option (weft.policy.v1.method) = {callers: {names: ["bakery.oven"]}}; }`,
  );
  t.is(sampleCall(set, 'bakery.bread', 'bakery.cart'), undefined);
  t.like(sampleCall(set, 'bakery.bread', 'bakery.oven'), { method: 'internal' });
});
