import { AsyncLocalStorage } from 'node:async_hooks';
import { createServer } from 'node:http2';
import { create, createRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  ServerReflection,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from '@weft/api/grpc/reflection/v1/reflection';
import {
  ServerReflection as ServerReflectionAlpha,
  type ServerReflectionRequest as ServerReflectionRequestAlpha,
} from '@weft/api/grpc/reflection/v1alpha/reflection';
import type { Mesh, WorkloadId } from '@weft/compiler/model/mesh';
import { implement } from '@weft/service-kit';
import { connectListener, defaultLimits, GrpcError, grpcCode } from '@weft/service-kit/grpc';
import type { AuthenticatedMethod, AuthenticatedRequest } from '../xds/transport.ts';
import { type ExposedFiles, exposedFiles, exposedMark } from './exposed-files.ts';
import { type ReflectionAsker, ReflectionBudget, type ReflectionLimits } from './reflection-budget.ts';

/** Both versions that tools ask for; their messages are the same on the wire. */
export const reflectionPaths: readonly string[] = [
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
];

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

/** Reflection as the transport serves it. */
export interface Reflection {
  readonly grpc: AuthenticatedMethod;
  /** Connect and gRPC-Web. */
  readonly other: AuthenticatedRequest;
}

export interface ReflectionOptions {
  readonly mesh: () => Mesh | undefined;
  /** Default: `defaultReflectionLimits`. */
  readonly limits?: Partial<ReflectionLimits>;
  /** Told when an asker at a gateway is refused. */
  readonly onExceeded?: (gateway: WorkloadId, message: string) => void;
}

/**
 * Answers reflection for gateways that have it turned on, with what the contracts expose and nothing else. The files are made once for
 * each change of what is exposed, and each asker has a budget of questions and of bytes.
 * See https://github.com/grpc/grpc/blob/master/doc/server-reflection.md.
 */
export function createReflection({ mesh, limits, onExceeded }: ReflectionOptions): Reflection {
  const budget = new ReflectionBudget({ ...(limits ? { limits } : {}), ...(onExceeded ? { onExceeded } : {}) });
  const files = new CurrentFiles(mesh);
  const asking = new AsyncLocalStorage<ReflectionAsker>();

  /** One answer, off the asker's budget. Throws a `GrpcError` when there is nothing left of it. */
  function reply(question: Question, questionBytes: number, asker: ReflectionAsker): Reply {
    budget.takeQuestion(asker, questionBytes);
    const given = answer(question, files.now());
    budget.takeAnswer(asker, bytesOf(given));
    return given;
  }

  function admit(caller: WorkloadId): void {
    const { workloads, gateways } = known(mesh);
    const gateway = gateways.get(workloads.get(caller)?.gateway?.name ?? '');
    if (!gateway?.reflection) {
      throw new GrpcError(grpcCode.unimplemented, `reflection is not turned on for ${caller}`);
    }
  }

  const connect = createServer(
    connectListener(
      [
        implement(ServerReflection, {
          async *serverReflectionInfo(requests) {
            for await (const request of requests) {
              const messageResponse = reply(request.messageRequest, lengthOf(request), store(asking));
              yield { validHost: request.host, originalRequest: request, messageResponse };
            }
          },
        }),
        implement(ServerReflectionAlpha, {
          async *serverReflectionInfo(requests) {
            for await (const request of requests) {
              const messageResponse = reply(request.messageRequest, lengthOf(request), store(asking));
              yield { validHost: request.host, originalRequest: request, messageResponse };
            }
          },
        }),
      ],
      { ...defaultLimits, maxMessageBytes: budget.limits.maxQuestionBytes },
      createRegistry(ServerReflection.file, ServerReflectionAlpha.file),
      new AbortController().signal,
    ),
  );

  return {
    async grpc(call, caller) {
      admit(caller);
      const asker = { gateway: caller, address: forwardedFor(call.headers['x-forwarded-for']) };
      for await (const bytes of call.messages) {
        budget.checkSize(bytes.length);
        const originalRequest = fromBinary(ServerReflectionRequestSchema, bytes);
        const messageResponse = reply(originalRequest.messageRequest, bytes.length, asker);
        const response = create(ServerReflectionResponseSchema, {
          validHost: originalRequest.host,
          originalRequest,
          messageResponse,
        });
        if (!call.write(call.frame(toBinary(ServerReflectionResponseSchema, response)))) await call.drained();
      }
      call.finish({ code: grpcCode.ok });
    },
    other(stream, headers, caller) {
      admit(caller);
      const asker = { gateway: caller, address: forwardedFor(headers['x-forwarded-for']) };
      asking.run(asker, () => connect.emit('stream', stream, headers, 0, []));
    },
  };
}

/** The files of now, made when what is exposed is another than before. */
class CurrentFiles {
  readonly #mesh: () => Mesh | undefined;
  #readFrom: readonly string[] = [];
  #files: ExposedFiles | undefined;

  constructor(mesh: () => Mesh | undefined) {
    this.#mesh = mesh;
  }

  now(): ExposedFiles {
    const services = known(this.#mesh).lookups.exposingServices();
    const marks = services.map(exposedMark);
    const isSame =
      marks.length === this.#readFrom.length && marks.every((mark, index) => mark === this.#readFrom[index]);
    if (this.#files === undefined || !isSame) this.#files = exposedFiles(services);
    this.#readFrom = marks;
    return this.#files;
  }
}

function known(mesh: () => Mesh | undefined): Mesh {
  const now = mesh();
  if (now === undefined) throw new GrpcError(grpcCode.unavailable, 'the mesh is not known yet');
  return now;
}

function store(asking: AsyncLocalStorage<ReflectionAsker>): ReflectionAsker {
  return asking.getStore() ?? { gateway: '/', address: '' };
}

/** The address that the gateway itself has seen: it adds it to what the caller says. */
function forwardedFor(header: string | readonly string[] | undefined): string {
  const text = typeof header === 'string' ? header : (header?.join(',') ?? '');
  return text
    .slice(text.lastIndexOf(',') + 1)
    .trim()
    .slice(0, 64);
}

function lengthOf(request: ServerReflectionRequest | ServerReflectionRequestAlpha): number {
  const { host, messageRequest } = request;
  const asked = messageRequest.value;
  return host.length + (typeof asked === 'string' ? asked.length : (asked?.containingType.length ?? 0));
}

function bytesOf(reply: Reply): number {
  switch (reply.case) {
    case 'fileDescriptorResponse':
      return reply.value.fileDescriptorProto.reduce((sum, { length }) => sum + length, 0);
    case 'listServicesResponse':
      return reply.value.service.reduce((sum, { name }) => sum + name.length, 0);
    default:
      return 100;
  }
}

function answer(asked: Question, exposed: ExposedFiles): Reply {
  switch (asked.case) {
    case 'listServices': {
      return { case: 'listServicesResponse', value: { service: exposed.services.map((name) => ({ name })) } };
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
        value: { baseTypeName, extensionNumber: numbers },
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
    value: { fileDescriptorProto },
  };
}

function notFound(what: string): Reply {
  return refuse(grpcCode.notFound, `${what} is not known here`);
}

function refuse(errorCode: number, errorMessage: string): Reply {
  return { case: 'errorResponse', value: { errorCode, errorMessage } };
}
