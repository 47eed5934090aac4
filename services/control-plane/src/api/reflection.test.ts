import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { create, createFileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import * as grpc from '@grpc/grpc-js';
import { isExposed } from '@weft/compiler/model/method';
import {
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from '@weft/contracts/grpc/reflection/v1/reflection';
import { createGrpcHandler } from '@weft/service-kit/grpc';
import test, { type ExecutionContext } from 'ava';
import { exposedFiles } from './exposed-files.ts';
import { createReflection, reflectionPaths } from './reflection.ts';
import { shopMesh } from './shop-mesh.fixture.ts';

const mesh = shopMesh();
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
  t.false(exposedPaths.some((path) => path.startsWith('/shop.payments.')));
  t.false([...files.keys()].some((name) => name.startsWith('shop/payments/') || name.startsWith('weft/policy/')));
});

async function ask(t: ExecutionContext, path: string) {
  const method = createReflection(() => mesh);
  const server = createServer();
  const methods = new Map([[path, (call: Parameters<typeof method>[0]) => method(call, 'weft/edge-0')]]);
  server.on('stream', createGrpcHandler({ methods }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const stream = client.makeBidiStreamRequest(
    path,
    (request: ServerReflectionRequest) => Buffer.from(toBinary(ServerReflectionRequestSchema, request)),
    (bytes) => fromBinary(ServerReflectionResponseSchema, bytes),
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
    t.true(names.includes('shop.orders.v1.OrderService'));
    for (const name of names) {
      const reply = await question({ case: 'fileContainingSymbol', value: name });
      if (reply.case !== 'fileDescriptorResponse') return t.fail(reply.case);
      const file = reply.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
      // Throws when an import or a type is missing, as a tool would.
      const registry = createFileRegistry(create(FileDescriptorSetSchema, { file }));
      t.truthy(registry.getService(name));
    }
    const byName = await question({ case: 'fileByFilename', value: 'shop/orders/v1/orders.proto' });
    t.is(byName.case, 'fileDescriptorResponse');
  });
}

test('what is not exposed is not known', async (t) => {
  const question = await ask(t, '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo');
  const asked: ServerReflectionRequest['messageRequest'][] = [
    { case: 'fileContainingSymbol', value: 'shop.payments.v1.PaymentService' },
    { case: 'fileContainingSymbol', value: 'no.such.Thing' },
    { case: 'fileByFilename', value: 'shop/payments/v1/payments.proto' },
    { case: 'allExtensionNumbersOfType', value: 'no.such.Thing' },
  ];
  for (const request of asked) {
    const reply = await question(request);
    t.is(reply.case, 'errorResponse', `${request.case} ${request.value}`);
    if (reply.case === 'errorResponse') t.is(reply.value.errorCode, 5);
  }
  t.is((await question({ case: undefined })).case, 'errorResponse');
});
