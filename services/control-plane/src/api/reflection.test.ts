import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { create, createFileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import * as grpc from '@grpc/grpc-js';
import {
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from '@weft/api/grpc/reflection/v1/reflection';
import type { Mesh, WorkloadId } from '@weft/compiler/model/mesh';
import { isExposed } from '@weft/compiler/model/method';
import { createGrpcHandler } from '@weft/service-kit/grpc';
import test, { type ExecutionContext } from 'ava';
import type { AuthenticatedMethod } from '../xds/transport.ts';
import { bakeryMesh } from './bakery-mesh.fixture.ts';
import { exposedFiles } from './exposed-files.ts';
import { createReflection, type ReflectionOptions, reflectionPaths } from './reflection.ts';

const mesh = bakeryMesh();
const exposedPaths = [...mesh.services.values()].flatMap((service) =>
  [...service.methods.values()].filter(isExposed).map((method) => method.path),
);

test('the files declare exactly the exposed methods, and no policy', (t) => {
  const { files, services } = exposedFiles(mesh.lookups.exposingServices());
  const paths: string[] = [];
  for (const { bytes } of files.values()) {
    const file = fromBinary(FileDescriptorProtoSchema, bytes);
    t.is(file.sourceCodeInfo, undefined);
    for (const service of file.service) {
      t.true(services.includes(`${file.package}.${service.name}`));
      t.falsy(service.options?.$unknown?.some((field) => field.no === 50717));
      for (const method of service.method) {
        paths.push(`/${file.package}.${service.name}/${method.name}`);
        t.falsy(method.options?.$unknown?.some((field) => field.no === 50717));
      }
    }
  }
  t.true(exposedPaths.length > 0);
  t.deepEqual(paths.sort(), [...exposedPaths].sort());
  t.false(exposedPaths.some((path) => path.startsWith('/bakery.payments.')));
  t.false([...files.keys()].some((name) => name.startsWith('bakery/payments/') || name.startsWith('weft/policy/')));
});

function ask(t: ExecutionContext, path: string, options: Partial<ReflectionOptions> = {}, caller?: WorkloadId) {
  const { grpc: method } = createReflection({ mesh: () => mesh, ...options });
  return askMethod(t, path, method, caller === undefined ? {} : { caller });
}

async function askMethod(
  t: ExecutionContext,
  path: string,
  method: AuthenticatedMethod,
  { caller = 'weft/edge-0', address = '' }: { readonly caller?: WorkloadId; readonly address?: string },
) {
  const server = createServer();
  const methods = new Map([[path, (call: Parameters<typeof method>[0]) => method(call, caller)]]);
  const metadata = new grpc.Metadata();
  if (address !== '') metadata.set('x-forwarded-for', address);
  server.on('stream', createGrpcHandler({ methods }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const stream = client.makeBidiStreamRequest(
    path,
    (request: ServerReflectionRequest) => Buffer.from(toBinary(ServerReflectionRequestSchema, request)),
    (bytes) => fromBinary(ServerReflectionResponseSchema, bytes),
    metadata,
  );
  const answers = stream[Symbol.asyncIterator]();
  t.teardown(() => {
    stream.end();
    client.close();
    server.close();
  });
  return async (messageRequest: ServerReflectionRequest['messageRequest']) => {
    stream.write(create(ServerReflectionRequestSchema, { messageRequest }));
    const next = await answers.next();
    const response: ServerReflectionResponse = next.value;
    return response.messageResponse;
  };
}

for (const path of reflectionPaths) {
  test(`tools list, find and build on what is exposed: ${path}`, async (t) => {
    const question = await ask(t, path);
    const list = await question({ case: 'listServices', value: '' });
    if (list.case !== 'listServicesResponse') return t.fail(list.case);
    const names = list.value.service.map(({ name }) => name);
    t.true(names.includes('bakery.orders.v1.OrderService'));
    for (const name of names) {
      const reply = await question({ case: 'fileContainingSymbol', value: name });
      if (reply.case !== 'fileDescriptorResponse') return t.fail(reply.case);
      const file = reply.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
      // Throws when an import or a type is missing, as a tool would.
      const registry = createFileRegistry(create(FileDescriptorSetSchema, { file }));
      t.truthy(registry.getService(name));
    }
    const byName = await question({ case: 'fileByFilename', value: 'bakery/orders/v1/orders.proto' });
    t.is(byName.case, 'fileDescriptorResponse');
  });
}

test('only a gateway that has reflection turned on may ask', async (t) => {
  const off: Mesh = {
    ...mesh,
    gateways: new Map([...mesh.gateways].map(([name, gateway]) => [name, { ...gateway, reflection: false }])),
  };
  const [path = ''] = reflectionPaths;
  const list: ServerReflectionRequest['messageRequest'] = { case: 'listServices', value: '' };
  const byEdge = await ask(t, path, { mesh: () => off });
  await t.throwsAsync(byEdge(list), { message: /UNIMPLEMENTED: reflection is not turned on for weft\/edge-0/ });
  const bySidecar = await ask(t, path, {}, 'bakery/orders-0');
  await t.throwsAsync(bySidecar(list), { message: /UNIMPLEMENTED: reflection is not turned on for bakery\/orders-0/ });
});

test('each address has a budget of questions and of bytes, and takes nothing of another', async (t) => {
  const [path = ''] = reflectionPaths;
  const exceeded: string[] = [];
  const { grpc: method } = createReflection({
    mesh: () => mesh,
    limits: { questions: { perSecond: 0.001, burst: 5 }, answerBytes: { perSecond: 0.001, burst: 50_000 } },
    onExceeded: (gateway, message) => exceeded.push(`${gateway} ${message}`),
  });
  const list: ServerReflectionRequest['messageRequest'] = { case: 'listServices', value: '' };
  const orders = { case: 'fileContainingSymbol', value: 'bakery.orders.v1.OrderService' } as const;
  const first = await askMethod(t, path, method, { address: '10.0.0.1' });
  for (let left = 5; left > 0; left--) t.is((await first(list)).case, 'listServicesResponse');
  await t.throwsAsync(first(list), {
    message: /RESOURCE_EXHAUSTED: reflection: one address may have at most 0.001 questions/,
  });
  const second = await askMethod(t, path, method, { address: '10.0.0.2' });
  t.is((await second(orders)).case, 'fileDescriptorResponse');
  await t.throwsAsync(second(orders), {
    message: /RESOURCE_EXHAUSTED: reflection: one address may have at most 0.001 bytes/,
  });
  t.is(exceeded.length, 2);
  // A caller outside may say what it likes before what the gateway adds.
  const spoofed = await askMethod(t, path, method, { address: '1.2.3.4, 10.0.0.1' });
  await t.throwsAsync(spoofed(list), { message: /RESOURCE_EXHAUSTED/ });
  const large = await askMethod(t, path, method, { address: '10.0.0.3' });
  await t.throwsAsync(large({ case: 'fileByFilename', value: 'x'.repeat(5000) }), {
    message: /must have at most 4096/,
  });
});

test('what is not exposed is not known', async (t) => {
  const question = await ask(t, '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo');
  const asked: ServerReflectionRequest['messageRequest'][] = [
    { case: 'fileContainingSymbol', value: 'bakery.payments.v1.PaymentService' },
    { case: 'fileContainingSymbol', value: 'no.such.Thing' },
    { case: 'fileByFilename', value: 'bakery/payments/v1/payments.proto' },
    { case: 'allExtensionNumbersOfType', value: 'no.such.Thing' },
  ];
  for (const request of asked) {
    const reply = await question(request);
    t.is(reply.case, 'errorResponse', `${request.case} ${request.value}`);
    if (reply.case === 'errorResponse') t.is(reply.value.errorCode, 5);
  }
  t.is((await question({ case: undefined })).case, 'errorResponse');
});
