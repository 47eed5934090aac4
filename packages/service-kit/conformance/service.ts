import { setTimeout as sleep } from 'node:timers/promises';
import { createRegistry, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { type Any, anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import { Code } from '@connectrpc/connect';
import { type Call, type ErrorDetail, type Handlers, ServiceError } from '@weft/service-kit';
import {
  BidiStreamRequestSchema,
  ClientStreamRequestSchema,
  type ConformancePayload_RequestInfo,
  ConformancePayload_RequestInfoSchema,
  type ConformanceService,
  type Error as ErrorDefinition,
  file_connectrpc_conformance_v1_service,
  type Header,
  IdempotentUnaryRequestSchema,
  ServerStreamRequestSchema,
  type StreamResponseDefinition,
  UnaryRequestSchema,
  type UnaryResponseDefinition,
} from './.cache/gen/connectrpc/conformance/v1/service_pb.ts';

type RequestInfo = Omit<ConformancePayload_RequestInfo, '$typeName' | '$unknown'>;

const registry = createRegistry(file_connectrpc_conformance_v1_service);

/** Answers as each request says it wants to be answered, and tells what has arrived. */
export const conformance: Handlers<typeof ConformanceService> = {
  async unary(request, call) {
    return unary(request.responseDefinition, call, [pack(UnaryRequestSchema, request)]);
  },
  async idempotentUnary(request, call) {
    return unary(request.responseDefinition, call, [pack(IdempotentUnaryRequestSchema, request)]);
  },
  async clientStream(requests, call) {
    let definition: UnaryResponseDefinition | undefined;
    const received: Any[] = [];
    for await (const request of requests) {
      if (received.length === 0) definition = request.responseDefinition;
      received.push(pack(ClientStreamRequestSchema, request));
    }
    return unary(definition, call, received);
  },
  async *serverStream(request, call) {
    const definition = request.responseDefinition;
    if (!definition) return;
    setHeaders(definition, call);
    const info = requestInfo(call, [pack(ServerStreamRequestSchema, request)]);
    let sent = 0;
    for (const data of definition.responseData) {
      await sleep(definition.responseDelayMs);
      yield { payload: sent++ === 0 ? { data, requestInfo: info } : { data } };
    }
    if (definition.error) throw serviceError(definition.error, sent === 0 ? info : undefined);
  },
  async *bidiStream(requests, call) {
    let definition: StreamResponseDefinition | undefined;
    let fullDuplex = false;
    let received: Any[] = [];
    let sent = 0;
    for await (const request of requests) {
      if (!definition && received.length === 0) {
        definition = request.responseDefinition;
        fullDuplex = request.fullDuplex;
        if (definition) setHeaders(definition, call);
      }
      received.push(pack(BidiStreamRequestSchema, request));
      if (!fullDuplex) continue;
      const data = definition?.responseData[sent];
      if (!data) break;
      await sleep(definition?.responseDelayMs);
      yield {
        payload: { data, requestInfo: sent++ === 0 ? requestInfo(call, received) : { requests: received } },
      };
      received = [];
    }
    for (; definition && sent < definition.responseData.length; sent++) {
      const data = definition.responseData[sent] ?? new Uint8Array();
      await sleep(definition.responseDelayMs);
      yield { payload: sent === 0 ? { data, requestInfo: requestInfo(call, received) } : { data } };
    }
    if (definition?.error) throw serviceError(definition.error, sent === 0 ? requestInfo(call, received) : undefined);
  },
  unimplemented() {
    throw new ServiceError(Code.Unimplemented, 'not implemented, as its name says');
  },
};

async function unary(definition: UnaryResponseDefinition | undefined, call: Call, requests: Any[]) {
  const info = requestInfo(call, requests);
  if (!definition) return { payload: { requestInfo: info } };
  setHeaders(definition, call);
  await sleep(definition.responseDelayMs);
  if (definition.response.case === 'error') throw serviceError(definition.response.value, info);
  const data = definition.response.case === 'responseData' ? definition.response.value : new Uint8Array();
  return { payload: { data, requestInfo: info } };
}

function setHeaders(definition: UnaryResponseDefinition | StreamResponseDefinition, call: Call): void {
  append(call.responseHeader, definition.responseHeaders);
  append(call.responseTrailer, definition.responseTrailers);
}

function append(headers: Headers, added: readonly Header[]): void {
  for (const { name, value } of added) for (const one of value) headers.append(name, one);
}

function requestInfo(call: Call, requests: Any[]): RequestInfo {
  const requestHeaders = [...call.requestHeader].map(([name, value]) => ({
    $typeName: 'connectrpc.conformance.v1.Header' as const,
    name,
    value: value.split(', '),
  }));
  const remainingMs = call.timeoutMs();
  return { requestHeaders, requests, ...(remainingMs !== undefined && { timeoutMs: BigInt(Math.round(remainingMs)) }) };
}

function pack<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Any {
  return anyPack(schema, message);
}

function serviceError(error: ErrorDefinition, info: RequestInfo | undefined): ServiceError {
  const details = error.details.flatMap((any): ErrorDetail[] => {
    const value = anyUnpack(any, registry);
    const desc = value && registry.getMessage(value.$typeName);
    return desc ? [{ desc, value }] : [];
  });
  if (info) details.push({ desc: ConformancePayload_RequestInfoSchema, value: info });
  return new ServiceError(error.code, error.message ?? '', { details });
}
