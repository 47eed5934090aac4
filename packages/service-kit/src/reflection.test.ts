import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { ServerReflection, type ServerReflectionResponse } from '@weft/contracts/grpc/reflection/v1/reflection';
import { ServerReflection as ServerReflectionAlpha } from '@weft/contracts/grpc/reflection/v1alpha/reflection';
import test from 'ava';
import { serving } from './order-server.fixture.ts';

test('reflection in both versions finds services, symbols, files and extensions', async (t) => {
  const server = await serving();
  const transport = createGrpcTransport({ baseUrl: `http://${server.address}` });
  for (const reflection of [ServerReflection, ServerReflectionAlpha]) {
    const ask = async function* () {
      yield { messageRequest: { case: 'listServices', value: '' } } as const;
      yield {
        messageRequest: { case: 'fileContainingSymbol', value: 'shop.orders.v1.OrderService.GetOrder' },
      } as const;
      yield { messageRequest: { case: 'fileByFilename', value: 'google/api/http.proto' } } as const;
      yield { messageRequest: { case: 'fileContainingSymbol', value: 'no.Such' } } as const;
      yield {
        messageRequest: {
          case: 'fileContainingExtension',
          value: { containingType: 'google.protobuf.FieldOptions', extensionNumber: 50_717 },
        },
      } as const;
    };
    const replies: ServerReflectionResponse['messageResponse'][] = [];
    for await (const reply of createClient(reflection, transport).serverReflectionInfo(ask()))
      replies.push(reply.messageResponse as ServerReflectionResponse['messageResponse']); // The same fields in both.
    const [services, symbol, file, unknown, extension] = replies;
    t.true(
      services?.case === 'listServicesResponse' &&
        services.value.service.some(({ name }) => name === 'shop.orders.v1.OrderService'),
    );
    const names = symbol?.case === 'fileDescriptorResponse' ? symbol.value.fileDescriptorProto : [];
    const files = names.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
    t.is(files.at(-1), 'shop/orders/v1/orders.proto');
    t.true(files.includes('buf/validate/validate.proto'));
    t.is(file?.case, 'fileDescriptorResponse');
    t.true(unknown?.case === 'errorResponse' && unknown.value.errorCode === Code.NotFound);
    t.is(extension?.case, 'fileDescriptorResponse');
  }
  await server.close();
});
