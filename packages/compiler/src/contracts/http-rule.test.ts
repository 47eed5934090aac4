import test from 'ava';
import { protoContract } from '../testing/proto-contract.ts';
import { lint } from './lint.ts';

const file = (name: string, ...rules: readonly string[]) => ({
  [`bakery/${name}/v1/${name}.proto`]: `
    syntax = "proto3";
    package bakery.${name}.v1;
    import "google/api/annotations.proto";
    service ThingService {
      ${rules.map((rule, at) => `rpc Do${at}(Thing) returns (Thing) { option (google.api.http) = {${rule}}; }`).join('\n')}
    }
    message Thing {
      string name = 1;
    }
  `,
});

const words = (files: Readonly<Record<string, string>>) =>
  lint(protoContract(files)).map(({ resource, field, message }) => `${resource} ${field}: ${message}`);

test('verbs: the five, others by custom, and all', (t) => {
  const custom = (kind: string) => `custom: {kind: "${kind}" path: "/v1/${kind === '*' ? 'all' : kind}"}`;
  t.deepEqual(words(file('things', 'get: "/v1/x"', custom('*'), custom('PURGE'), custom('OPTIONS'))), []);
  const refused = words(
    file('things', custom('HEAD'), custom('CONNECT'), custom('TRACE'), custom('purge'), custom('')),
  );
  t.deepEqual(
    refused.map((text) => text.split(': ')[1]),
    ['HEAD', 'CONNECT', 'TRACE', 'purge', ''].map((kind) => `(google.api.http) has the custom kind "${kind}"`),
  );
});

test('a path of gRPC is no path of REST', (t) => {
  const shaped = [
    '/bakery.orders.v1.OrderService/PlaceOrder',
    '/a.B/{name}',
    '/grpc.health.v1.Health/Check',
    '/a.b/**',
  ];
  for (const path of shaped) {
    const [found] = words(file('things', `post: "${path}" body: "*"`));
    t.is(
      found?.replace(/^.*?: /, ''),
      `(google.api.http) path "${path}" looks like a gRPC method path, which is reserved for gRPC`,
    );
    t.is(words(file('things', `custom: {kind: "*" path: "${path}"}`)).length, 1, path);
  }
  t.deepEqual(words(file('things', 'post: "/v1.2/things"', 'post: "/a.b"', 'get: "/a.b/c"', 'post: "/a.b/c/d"')), []);
});

test('one path of two methods is refused, in one file and across files; an overlap is not', (t) => {
  const one = file('things', 'get: "/v1/x/{name}"', 'get: "/v1/x/{name=*}"');
  t.deepEqual(
    words(one).map((text) => text.replace(/^.*?: /, '')),
    ["(google.api.http) GET /v1/x/{name=*} is also bakery.things.v1.ThingService/Do0's"],
  );
  const two = { ...file('parts', 'get: "/v1/x/{name}"'), ...file('things', 'get: "/v1/x/*"', 'get: "/v1/{name=**}"') };
  t.deepEqual(words(two), [
    "bakery/things/v1/things.proto:6 bakery.things.v1.ThingService/Do0: (google.api.http) GET /v1/x/* is also bakery.parts.v1.ThingService/Do0's",
  ]);
});
