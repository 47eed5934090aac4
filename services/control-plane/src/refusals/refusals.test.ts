import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { CheckRequestSchema, CheckResponseSchema } from '@weft/envoy-api/envoy/service/auth/v3/external_auth';
import { createGrpcHandler } from '@weft/service-kit/grpc';
import test from 'ava';
import { bakeryMesh } from '../api/bakery-mesh.fixture.ts';
import { DenialCounts } from './denial-counts.ts';
import { refusalOf } from './refusal.ts';
import { checkPath, createRefusals } from './refusals.ts';

const authorize = '/bakery.payments.v1.PaymentService/Authorize';
const mesh = bakeryMesh();

test('the mesh of these tests is sound', (t) => {
  t.deepEqual(mesh.problems, []);
  t.true(mesh.services.get('bakery/payments')?.methods.has(authorize));
});

test('a caller that the contract does not name is told whom it names', (t) => {
  t.deepEqual(refusalOf(mesh, 'bakery/catalog-0', authorize, 'bakery.payments'), {
    caller: 'bakery.catalog',
    advice: 'callers: {names: "bakery.catalog"} in bakery.payments.v1.PaymentService',
    httpStatus: 403,
    message:
      'weft: bakery.catalog may not call bakery.payments.v1.PaymentService/Authorize; its contract names bakery.orders',
  });
});

test('a method that nobody has is not implemented', (t) => {
  t.deepEqual(refusalOf(mesh, 'bakery/catalog-0', '/x/y?z=1', 'bakery.payments:80'), {
    caller: 'bakery.catalog',
    httpStatus: 404,
    message: 'weft: no service of the mesh has /x/y',
  });
  const long = refusalOf(mesh, 'bakery/catalog-0', `/${'x\n'.repeat(5000)}`, '');
  t.true(long.message.length < 300);
  t.notRegex(long.message, /\n/);
});

test('a call that may be made is not denied, only early', (t) => {
  t.like(refusalOf(mesh, 'bakery/orders-0', authorize, 'bakery.payments'), {
    caller: 'bakery.orders',
    httpStatus: 503,
  });
});

test('a workload that is not known is called by its id', (t) => {
  t.like(refusalOf(mesh, 'bakery/new-0', authorize, ''), { caller: 'bakery/new-0', httpStatus: 403 });
});

test('Check answers over gRPC with the sentence, and counts', async (t) => {
  const first: string[] = [];
  const refusals = createRefusals({ mesh: () => mesh, onFirst: ({ caller }, path) => first.push(`${caller} ${path}`) });
  const server = createServer();
  const methods = new Map([
    [checkPath, (call: Parameters<typeof refusals.method>[0]) => refusals.method(call, 'bakery/catalog-0')],
  ]);
  server.on('stream', createGrpcHandler({ methods }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  t.teardown(() => {
    client.close();
    server.close();
  });
  const request = create(CheckRequestSchema, {
    attributes: { request: { http: { path: authorize, host: 'bakery.payments' } } },
  });
  const check = () =>
    new Promise<Buffer>((resolve, reject) => {
      const encode = () => Buffer.from(toBinary(CheckRequestSchema, request));
      client.makeUnaryRequest(
        checkPath,
        encode,
        (bytes) => bytes,
        null,
        (error, value) => (error || !value ? reject(error ?? new Error('no answer')) : resolve(value)),
      );
    });
  await check();
  const { httpResponse, status } = fromBinary(CheckResponseSchema, await check());
  t.is(status?.code, 7);
  if (httpResponse.case !== 'deniedResponse') return t.fail(`${httpResponse.case}`);
  t.is(httpResponse.value.status?.code, 403);
  t.regex(httpResponse.value.body, /^weft: bakery\.catalog may not call .*; its contract names bakery\.orders$/);
  t.deepEqual(first, [`bakery.catalog ${authorize}`]);
  t.like(refusals.counts.list()[0], { caller: 'bakery.catalog', method: authorize, count: 2 });
});

test('counts are bounded, and the latest stay', (t) => {
  const counts = new DenialCounts(2);
  const refusal = { caller: 'a', httpStatus: 403, message: 'no' } as const;
  for (const path of ['/1', '/2', '/1', '/3']) counts.add(refusal, path);
  t.deepEqual(
    counts.list().map(({ method, count }) => [method, count]),
    [
      ['/3', 1],
      ['/1', 2],
    ],
  );
});
