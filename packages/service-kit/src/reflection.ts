import type { DescFile } from '@bufbuild/protobuf';
import { ServerReflection, type ServerReflectionRequest } from '@weft/api/grpc/reflection/v1/reflection';
import {
  ServerReflection as ServerReflectionAlpha,
  type ServerReflectionRequest as ServerReflectionRequestAlpha,
} from '@weft/api/grpc/reflection/v1alpha/reflection';
import { DescriptorIndex, encodeWithImports } from './descriptor-index.ts';
import { grpcCode } from './grpc/status.ts';
import { implement, type ServiceImplementation } from './implement.ts';

type Question = ServerReflectionRequest['messageRequest'] | ServerReflectionRequestAlpha['messageRequest'];

/** An answer of either version, without what tells their types apart. */
type Reply =
  | { readonly case: 'fileDescriptorResponse'; readonly value: { readonly fileDescriptorProto: Uint8Array[] } }
  | {
      readonly case: 'allExtensionNumbersResponse';
      readonly value: { readonly baseTypeName: string; readonly extensionNumber: number[] };
    }
  | { readonly case: 'listServicesResponse'; readonly value: { readonly service: { readonly name: string }[] } }
  | { readonly case: 'errorResponse'; readonly value: { readonly errorCode: number; readonly errorMessage: string } };

/**
 * Server reflection in both versions that tools ask for, about `services` and all that their files import.
 * See https://github.com/grpc/grpc/blob/master/doc/server-reflection.md.
 */
export function reflectionServices(services: readonly ServiceImplementation[]): ServiceImplementation[] {
  const listed = [...services.map(({ service }) => service), ServerReflection, ServerReflectionAlpha];
  const index = new DescriptorIndex(listed.map(({ file }) => file));
  const names = listed.map(({ typeName }) => typeName).sort();
  return [
    implement(ServerReflection, {
      async *serverReflectionInfo(requests) {
        for await (const request of requests)
          yield {
            validHost: request.host,
            originalRequest: request,
            messageResponse: answer(request.messageRequest, index, names),
          };
      },
    }),
    implement(ServerReflectionAlpha, {
      async *serverReflectionInfo(requests) {
        for await (const request of requests)
          yield {
            validHost: request.host,
            originalRequest: request,
            messageResponse: answer(request.messageRequest, index, names),
          };
      },
    }),
  ];
}

function answer(asked: Question, index: DescriptorIndex, names: readonly string[]): Reply {
  switch (asked.case) {
    case 'listServices':
      return { case: 'listServicesResponse', value: { service: names.map((name) => ({ name })) } };
    case 'fileByFilename':
      return fileReply(index.file(asked.value), asked.value);
    case 'fileContainingSymbol':
      return fileReply(index.fileOf(asked.value), asked.value);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = asked.value;
      const file = index.extensionsOf(containingType).get(extensionNumber);
      return fileReply(file, `extension ${extensionNumber} of ${containingType}`);
    }
    case 'allExtensionNumbersOfType': {
      const numbers = [...index.extensionsOf(asked.value).keys()];
      if (numbers.length === 0 && !index.fileOf(asked.value)) return notFound(asked.value);
      return {
        case: 'allExtensionNumbersResponse',
        value: { baseTypeName: asked.value, extensionNumber: numbers },
      };
    }
    default:
      return error(grpcCode.invalidArgument, 'the request asks for nothing that this server knows');
  }
}

function fileReply(file: DescFile | undefined, what: string): Reply {
  if (!file) return notFound(what);
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto: encodeWithImports(file) } };
}

function notFound(what: string): Reply {
  return error(grpcCode.notFound, `${what} is not known here`);
}

function error(errorCode: number, errorMessage: string): Reply {
  return { case: 'errorResponse', value: { errorCode, errorMessage } };
}
