import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { ServerReflection, type ServerReflectionResponse } from '@weft/api/grpc/reflection/v1/reflection';
import { ServerReflection as ServerReflectionAlpha } from '@weft/api/grpc/reflection/v1alpha/reflection';
import test from 'ava';
import { Contract } from './contract.fixture.ts';
import { serving } from './order-server.fixture.ts';

test('reflection in both versions finds services, symbols, files and extensions', async (t) => {
  const server = await serving();
  const transport = createGrpcTransport({ baseUrl: `http://${server.address}` });
  for (const reflection of [ServerReflection, ServerReflectionAlpha]) {
    const ask = async function* () {
      yield { messageRequest: { case: 'listServices', value: '' } } as const;
      yield {
        messageRequest: { case: 'fileContainingSymbol', value: 'bakery.orders.v1.OrderService.GetOrder' },
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
        services.value.service.some(({ name }) => name === 'bakery.orders.v1.OrderService'),
    );
    const names = symbol?.case === 'fileDescriptorResponse' ? symbol.value.fileDescriptorProto : [];
    const files = names.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
    t.is(files.at(-1), 'bakery/orders/v1/orders.proto');
    t.true(files.includes('buf/validate/validate.proto'));
    t.is(file?.case, 'fileDescriptorResponse');
    t.true(unknown?.case === 'errorResponse' && unknown.value.errorCode === Code.NotFound);
    t.is(extension?.case, 'fileDescriptorResponse');
  }
  await server.close();
});

test('whatever a file declares is found, however deep', async (t) => {
  const contract = new Contract({
    'deep/v1/deep.proto': `
      edition = "2023";
      package deep.v1;
      import "google/protobuf/descriptor.proto";
      service DeepService { rpc Do(Outer) returns (Outer); }
      message Outer {
        extensions 100 to 200;
        oneof choice { string a = 1; int32 b = 2; }
        message Inner {
          enum Kind { KIND_UNSPECIFIED = 0; KIND_DEEP = 1; }
          oneof deep_choice { Kind kind = 1; }
          extend Outer { string hidden = 101; }
          extend google.protobuf.MethodOptions { string mark = 50999; }
          map<string, Inner> more = 2;
        }
      }
      extend Outer { Outer.Inner open = 102; }
      enum Top { TOP_UNSPECIFIED = 0; }`,
  });
  const service = contract.service('deep.v1.DeepService');
  const server = await serving({ services: [{ service, methods: [] }] });
  const transport = createGrpcTransport({ baseUrl: `http://${server.address}` });
  const names = [
    'DeepService',
    'DeepService.Do',
    'Outer',
    'Outer.a',
    'Outer.choice',
    'Outer.Inner',
    'Outer.Inner.Kind',
    'Outer.Inner.KIND_DEEP',
    'Outer.Inner.kind',
    'Outer.Inner.deep_choice',
    'Outer.Inner.hidden',
    'Outer.Inner.mark',
    'Outer.Inner.more',
    'open',
    'Top',
    'TOP_UNSPECIFIED',
  ].map((name) => `deep.v1.${name}`);
  const ask = async function* () {
    for (const value of [...names, '.deep.v1.Outer'])
      yield { messageRequest: { case: 'fileContainingSymbol', value } } as const;
    for (const [containingType, extensionNumber] of [
      ['deep.v1.Outer', 101],
      ['deep.v1.Outer', 102],
      ['google.protobuf.MethodOptions', 50_999],
    ] as const)
      yield {
        messageRequest: { case: 'fileContainingExtension', value: { containingType, extensionNumber } },
      } as const;
    for (const value of ['deep.v1.Outer.Inner.Kind.KIND_DEEP', 'deep.v1.Outer.nothing', 'deep.v1', 'Outer', ''])
      yield { messageRequest: { case: 'fileContainingSymbol', value } } as const;
    yield { messageRequest: { case: 'allExtensionNumbersOfType', value: 'deep.v1.Outer' } } as const;
  };
  const found: unknown[] = [];
  for await (const { messageResponse } of createClient(ServerReflection, transport).serverReflectionInfo(ask())) {
    if (messageResponse.case === 'fileDescriptorResponse') {
      const last = messageResponse.value.fileDescriptorProto.at(-1) ?? new Uint8Array();
      found.push(fromBinary(FileDescriptorProtoSchema, last).name);
    } else if (messageResponse.case === 'allExtensionNumbersResponse') {
      found.push([...messageResponse.value.extensionNumber].sort());
    } else found.push(messageResponse.case);
  }
  const file = 'deep/v1/deep.proto';
  t.deepEqual(found, [
    ...Array.from({ length: names.length + 4 }, () => file),
    ...Array.from({ length: 5 }, () => 'errorResponse'),
    [101, 102],
  ]);
  await server.close();
});
