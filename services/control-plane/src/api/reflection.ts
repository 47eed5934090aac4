import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Mesh } from '@weft/compiler/model/mesh';
import {
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from '@weft/contracts/grpc/reflection/v1/reflection';
import { GrpcError, grpcCode } from '@weft/service-kit/grpc';
import type { AuthenticatedMethod } from '../xds/transport.ts';
import { type ExposedFiles, exposedFiles, exposedMark } from './exposed-files.ts';

/** Both versions that tools ask for; their messages are the same on the wire. */
export const reflectionPaths: readonly string[] = [
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
];

type Reply = ServerReflectionResponse['messageResponse'];

/**
 * Answers reflection for the edge, with what the contracts expose and nothing else.
 * See https://github.com/grpc/grpc/blob/master/doc/server-reflection.md.
 */
export function createReflection(mesh: () => Mesh | undefined): AuthenticatedMethod {
  let readFrom: readonly string[] = [];
  let files: ExposedFiles | undefined;
  const current = (): ExposedFiles => {
    const now = mesh();
    if (now === undefined) throw new GrpcError(grpcCode.unavailable, 'the mesh is not known yet');
    const services = now.lookups.exposingServices();
    const marks = services.map(exposedMark);
    const isSame = marks.length === readFrom.length && marks.every((mark, index) => mark === readFrom[index]);
    if (files === undefined || !isSame) files = exposedFiles(services);
    readFrom = marks;
    return files;
  };
  return async (call) => {
    for await (const bytes of call.messages) {
      const originalRequest = fromBinary(ServerReflectionRequestSchema, bytes);
      const response = create(ServerReflectionResponseSchema, {
        validHost: originalRequest.host,
        originalRequest,
        messageResponse: answer(originalRequest, current()),
      });
      if (!call.write(call.frame(toBinary(ServerReflectionResponseSchema, response)))) await call.drained();
    }
    call.finish({ code: grpcCode.ok });
  };
}

function answer({ messageRequest: asked }: ServerReflectionRequest, exposed: ExposedFiles): Reply {
  switch (asked.case) {
    case 'listServices': {
      const service = exposed.services.map((name) => ({
        $typeName: 'grpc.reflection.v1.ServiceResponse' as const,
        name,
      }));
      return { case: 'listServicesResponse', value: { $typeName: 'grpc.reflection.v1.ListServiceResponse', service } };
    }
    case 'fileByFilename':
      return fileReply(exposed, asked.value, asked.value);
    case 'fileContainingSymbol':
      return fileReply(exposed, exposed.fileOfSymbol.get(asked.value.replace(/^\./, '')), asked.value);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = asked.value;
      const file = exposed.extensions.get(containingType)?.get(extensionNumber);
      return fileReply(exposed, file, `extension ${extensionNumber} of ${containingType}`);
    }
    case 'allExtensionNumbersOfType': {
      const baseTypeName = asked.value;
      const numbers = [...(exposed.extensions.get(baseTypeName)?.keys() ?? [])];
      if (numbers.length === 0 && !exposed.fileOfSymbol.has(baseTypeName)) return notFound(baseTypeName);
      return {
        case: 'allExtensionNumbersResponse',
        value: { $typeName: 'grpc.reflection.v1.ExtensionNumberResponse', baseTypeName, extensionNumber: numbers },
      };
    }
    default:
      return refuse(grpcCode.invalidArgument, 'the request asks for nothing that this server knows');
  }
}

/** A file and all that it imports, each after what it needs. */
function fileReply({ files }: ExposedFiles, name: string | undefined, what: string): Reply {
  const fileDescriptorProto: Uint8Array[] = [];
  const seen = new Set<string>();
  const add = (path: string): void => {
    const file = files.get(path);
    if (file === undefined || seen.has(path)) return;
    seen.add(path);
    for (const imported of file.imports) add(imported);
    fileDescriptorProto.push(file.bytes);
  };
  if (name !== undefined) add(name);
  if (fileDescriptorProto.length === 0) return notFound(what);
  return {
    case: 'fileDescriptorResponse',
    value: { $typeName: 'grpc.reflection.v1.FileDescriptorResponse', fileDescriptorProto },
  };
}

function notFound(what: string): Reply {
  return refuse(grpcCode.notFound, `${what} is not known here`);
}

function refuse(errorCode: number, errorMessage: string): Reply {
  return { case: 'errorResponse', value: { $typeName: 'grpc.reflection.v1.ErrorResponse', errorCode, errorMessage } };
}
