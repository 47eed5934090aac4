import { create } from '@bufbuild/protobuf';
import { anyPack, DurationSchema, EmptySchema } from '@bufbuild/protobuf/wkt';
import { Code } from '@connectrpc/connect';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { openDescriptorSet } from '@weft/compiler/contracts/descriptor-set';
import { MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import { protoContract } from '@weft/compiler/testing/proto-contract';
import { ErrorInfoSchema } from '@weft/policy/google/rpc/error_details';
import { StatusSchema } from '@weft/policy/google/rpc/status';
import { type ErrorDetail, type Server, ServiceError, serve } from '@weft/service-kit';
import anyTest, { type TestFn } from 'ava';
import { freePorts } from './testing/free-ports.ts';
import { RawCaller } from './testing/raw-call.ts';
import { type RunningMesh, runMesh } from './testing/running-mesh.ts';

// What callers of REST see of one service: how paths and queries are decoded, what bodies are taken, what errors say.

const contract = protoContract({
  'bakery/things/v1/things.proto': `
    syntax = "proto3";
    package bakery.things.v1;
    import "google/api/annotations.proto";
    import "bakery/things/v1/refusal.proto";
    import "weft/policy/v1/policy.proto";
    service ThingService {
      option (weft.policy.v1.service) = {exposure: EXPOSURE_EDGE};
      rpc GetThing(Thing) returns (Thing) {
        option idempotency_level = NO_SIDE_EFFECTS;
        option (google.api.http) = {get: "/v1/{name=things/*}"};
      }
      rpc GetPart(Thing) returns (Thing) {
        option (google.api.http) = {get: "/v1/parts/{name}"};
      }
      rpc GetTree(Thing) returns (Thing) {
        option (google.api.http) = {get: "/v1/{name=trees/**}"};
      }
      rpc SaveThing(Thing) returns (Thing) {
        option (google.api.http) = {post: "/v1/things" body: "*" additional_bindings {put: "/v1/{name=things/*}" body: "*"}};
      }
      rpc WatchThing(Thing) returns (stream Thing) {
        option (google.api.http) = {get: "/v1/watched/{name=things/*}"};
      }
      rpc ImportThings(stream Thing) returns (Thing) {
        option (google.api.http) = {post: "/v1/things:import" body: "*"};
      }
      rpc Refuse(Thing) returns (Thing) {
        option (google.api.http) = {get: "/v1/refusals/{name}"};
      }
    }
    message Thing {
      string name = 1;
      string text = 2;
    }
  `,
  'bakery/things/v1/refusal.proto': `
    syntax = "proto3";
    package bakery.things.v1;
    import "google/protobuf/any.proto";
    import "bakery/shared/v1/shared.proto";
    message Refusal {
      string why = 1;
      google.protobuf.Any more = 2;
      bakery.shared.v1.Other other = 3;
    }
  `,
  'bakery/things/v1/hint.proto': `
    syntax = "proto3";
    package bakery.things.v1;
    message Hint {
      string hint = 1;
    }
  `,
  'bakery/shared/v1/shared.proto': `
    syntax = "proto3";
    package bakery.shared.v1;
    message Shared {
      string note = 1;
    }
    message Other {}
  `,
});

interface Context {
  readonly mesh: RunningMesh;
  readonly servers: Server[];
  readonly edge: string;
}

const test = anyTest as TestFn<Context>;

function nameOf(request: unknown): string {
  const { name }: { name?: string } = Object(request);
  return name ?? '';
}

async function* messages(requests: unknown): AsyncIterable<unknown> {
  const stream: AsyncIterable<unknown> = Object(requests);
  yield* stream;
}

test.before(async (t) => {
  const mesh = await runMesh();
  const [thingsIn, edgePort] = await freePorts(2);
  const registry = openDescriptorSet(contract);
  const service = registry.getService('bakery.things.v1.ThingService');
  const Refusal = registry.getMessage('bakery.things.v1.Refusal');
  const Hint = registry.getMessage('bakery.things.v1.Hint');
  const Shared = registry.getMessage('bakery.shared.v1.Shared');
  if (!service || !Refusal || !Hint || !Shared) throw new Error('the contract lacks a type');
  const directory = new MeshDirectory()
    .contract('bakery', 'bakery.things', contract)
    .service('things')
    .edge(`127.0.0.1:${edgePort}`)
    .replica('things-0', {
      contract: contractHash(contract),
      inbound: `127.0.0.1:${thingsIn}`,
      application: `unix:${mesh.dir}/things-0`,
    });
  const details: Readonly<Record<string, readonly ErrorDetail[]>> = {
    imported: [{ desc: Refusal, value: { why: 'w', more: anyPack(Shared, create(Shared, { note: 'n' })) } }],
    alone: [{ desc: Hint, value: { hint: 'h' } }],
    shared: [{ desc: Shared, value: { note: 'n' } }],
    known: [
      { desc: EmptySchema, value: {} },
      { desc: DurationSchema, value: { seconds: 3n } },
      { desc: StatusSchema, value: { code: 5 } },
      { desc: ErrorInfoSchema, value: { reason: 'GONE' } },
    ],
  };
  // Every other method answers with its request.
  const handlers: Readonly<Record<string, (request: unknown) => unknown>> = {
    async *WatchThing(request) {
      yield request;
      yield request;
    },
    async ImportThings(requests) {
      const names: string[] = [];
      for await (const request of messages(requests)) names.push(nameOf(request));
      return { name: names.join(',') };
    },
    Refuse(request) {
      throw new ServiceError(Code.FailedPrecondition, 'no', { details: details[nameOf(request)] ?? [] });
    },
  };
  const server = await serve({
    name: 'bakery.things',
    listen: `unix:${mesh.dir}/things-0`,
    drainMs: 0,
    services: [
      {
        service,
        methods: service.methods.map((method) => ({
          method,
          handle: handlers[method.name] ?? ((request) => request),
        })),
      },
    ],
  });
  Object.assign(t.context, { mesh, servers: [server], edge: `127.0.0.1:${edgePort}` });
  await mesh.update(directory);
  t.deepEqual(mesh.compiler.mesh.problems, []);
  for (const name of ['bakery/things-0', 'weft/edge-0'] as const) await mesh.startProxy(name);
  t.deepEqual(mesh.nacks, []);
});

test.after.always(async (t) => {
  await t.context.mesh?.stop();
  await Promise.all((t.context.servers ?? []).map((server) => server.close()));
});

interface Answer {
  readonly status: number;
  readonly body: string;
  /** The body as JSON; undefined when it is none. */
  readonly json: { readonly [field: string]: unknown } | undefined;
}

async function rest(t: { context: Context }, path: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(`http://${t.context.edge}${path}`, init);
  const body = await response.text();
  const lines = body
    .trim()
    .split('\n')
    .map((line) => (line.startsWith('{') ? JSON.parse(line) : undefined));
  return { status: response.status, body, json: lines[0] };
}

const json = (value: unknown, contentType = 'application/json') => ({
  method: 'POST',
  headers: { 'content-type': contentType },
  body: Buffer.from(JSON.stringify(value)),
});

test('errors: a detail of any type that the contract knows, that is well known, or of google.rpc', async (t) => {
  const details = async (name: string) => (await rest(t, `/v1/refusals/${name}`)).json?.details;
  const type = (name: string) => ({ '@type': `type.googleapis.com/${name}` });
  const shared = { ...type('bakery.shared.v1.Shared'), note: 'n' };
  t.deepEqual(await details('imported'), [{ ...type('bakery.things.v1.Refusal'), why: 'w', more: shared }]);
  t.deepEqual(await details('alone'), [{ ...type('bakery.things.v1.Hint'), hint: 'h' }]);
  t.deepEqual(await details('shared'), [shared]);
  t.deepEqual(await details('known'), [
    type('google.protobuf.Empty'),
    { ...type('google.protobuf.Duration'), value: '3s' },
    { ...type('google.rpc.Status'), code: 5, message: '', details: [] },
    { ...type('google.rpc.ErrorInfo'), reason: 'GONE', domain: '', metadata: {} },
  ]);
});

test("paths and queries are decoded by http.proto's rules, for one message and for streams", async (t) => {
  const name = async (path: string) => (await rest(t, path)).json?.name;
  const text = async (path: string) => (await rest(t, path)).json?.text;
  const names: readonly (readonly [path: string, name: string])[] = [
    ['/v1/things/ada%40example.com', 'things/ada@example.com'],
    ['/v1/watched/things/ada%40example.com', 'things/ada@example.com'],
    ['/v1/parts/ada%40example.com', 'ada@example.com'],
    // A slash in a single segment is a part of it; where slashes divide segments it stays encoded.
    ['/v1/parts/a%2Fb', 'a/b'],
    ['/v1/things/a%2Fb%40', 'things/a%2Fb@'],
    ['/v1/things/a%2fb', 'things/a%2fb'],
    ['/v1/trees/a%2Fb/c%40d', 'trees/a%2Fb/c@d'],
    ['/v1/trees/a/b', 'trees/a/b'],
    ['/v1/trees', 'trees'],
    // Once, and not again.
    ['/v1/things/a%2540b', 'things/a%40b'],
    ['/v1/parts/a%252Fb', 'a%2Fb'],
    ['/v1/parts/%E2%82%AC', '\u20ac'],
    ['/v1/things/a%3Ab', 'things/a:b'],
    // Only a query writes a space so.
    ['/v1/things/a+b', 'things/a+b'],
    ['/v1/parts/a+b', 'a+b'],
  ];
  for (const [path, expected] of names) t.is(await name(path), expected, path);
  const texts: readonly (readonly [query: string, text: string])[] = [
    ['text=a+b', 'a b'],
    ['text=a%20b', 'a b'],
    ['text=a%2Bb', 'a+b'],
    ['text=a%26b%3Dc', 'a&b=c'],
    ['te%78t=a', 'a'],
    ['text=%E2%82%AC', '\u20ac'],
  ];
  for (const path of ['/v1/parts/x', '/v1/watched/things/x']) {
    for (const [query, expected] of texts) t.is(await text(`${path}?${query}`), expected, `${path}?${query}`);
  }
  t.is((await rest(t, '/v1/parts/%FF')).status, 400);
});

test('a body of any other type than application/json is refused, and so is one of no type', async (t) => {
  const refused = [
    'text/plain',
    'text/plain; charset=utf-8',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/octet-stream',
    'application/jsonp',
    'text/plain; a=application/json',
    'text/plain;application/json',
    'application/json, text/plain',
    'application/json+text/plain',
    'x',
    '',
  ];
  const bodies = [
    ['/v1/things', 'POST', { name: 'x' }],
    ['/v1/things/x', 'PUT', { text: 'x' }],
    ['/v1/things:import', 'POST', [{ name: 'x' }]],
  ] as const;
  for (const [path, method, value] of bodies) {
    for (const contentType of refused) {
      const { status, json: error } = await rest(t, path, { ...json(value, contentType), method });
      t.deepEqual([status, error?.code], [415, 3], `${path} ${contentType}`);
    }
    const untyped = await rest(t, path, { method, body: Buffer.from(JSON.stringify(value)) });
    t.is(untyped.status, 415, `${path} without a type`);
    for (const contentType of [
      'application/json',
      'Application/JSON; charset=UTF-8',
      'application/json;charset=utf-8',
    ]) {
      const answer = await rest(t, path, { ...json(value, contentType), method });
      t.deepEqual(
        [answer.status, answer.json?.name],
        [200, method === 'PUT' ? 'things/x' : 'x'],
        `${path} ${contentType}`,
      );
    }
  }
});

test('without a body there is no type to declare', async (t) => {
  t.is((await rest(t, '/v1/parts/x')).status, 200);
  t.is((await rest(t, '/v1/parts/x', { headers: { 'content-type': 'text/plain' } })).status, 200);
  const caller = new RawCaller(t.context.edge);
  t.teardown(() => caller.close());
  const post = (headers: Record<string, string>, body: string, path = '/v1/things') =>
    caller.call({ authority: 'edge', path, headers, body });
  // By HTTP/2 there is no telling from the headers.
  t.is((await post({ 'content-type': 'text/plain' }, '')).status, 200);
  t.is((await post({ 'content-type': 'text/plain' }, '{"name":"x"}')).status, 415);
  t.is((await post({ 'content-type': 'text/plain' }, '[{"name":"x"}]', '/v1/things:import')).status, 415);
  t.is((await post({ 'content-type': 'application/json' }, '{"name":"x"}')).status, 200);
});

test('a body cannot name another resource than its path', async (t) => {
  const put = (name: string) => rest(t, '/v1/things/x', { ...json({ name, text: 'y' }), method: 'PUT' });
  t.is((await put('things/x')).status, 200);
  t.is((await put('things/y')).status, 400);
});
