import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { waitFor } from './wait-for.ts';

/** One span as a collector sees it; ids are hex, times are left out. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly service: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/** An OTLP/gRPC trace collector on a free port that remembers every span. */
export interface OtlpReceiver {
  readonly port: number;
  readonly spans: readonly Span[];
  /** All spans of the first trace for which `complete` holds; waits for it. */
  trace(complete: (spans: readonly Span[]) => boolean): Promise<readonly Span[]>;
  close(): Promise<void>;
}

/** Starts a collector; on this machine alone unless `host` says otherwise. */
export async function startOtlpReceiver(host = '127.0.0.1'): Promise<OtlpReceiver> {
  const spans: Span[] = [];
  const server = new Server({ 'grpc.max_receive_message_length': 64 << 20 });
  const identity = {
    requestSerialize: (b: Buffer) => b,
    requestDeserialize: (b: Buffer) => b,
    responseSerialize: (b: Buffer) => b,
  };
  const accept = (name: string, take: (request: Buffer) => void) =>
    server.addService(
      {
        Export: {
          path: `/opentelemetry.proto.collector.${name}/Export`,
          requestStream: false,
          responseStream: false,
          ...identity,
          responseDeserialize: identity.requestDeserialize,
        },
      },
      {
        Export: (call: { request: Buffer }, answer: (error: null, response: Buffer) => void) => {
          take(call.request);
          answer(null, Buffer.alloc(0));
        },
      },
    );
  accept('trace.v1.TraceService', (request) => spans.push(...readTraceRequest(request)));
  accept('metrics.v1.MetricsService', () => {});
  accept('logs.v1.LogsService', () => {});
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:0`, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return {
    port,
    spans,
    trace: (complete) =>
      waitFor('a complete trace', () => {
        for (const traceId of new Set(spans.map((span) => span.traceId))) {
          const trace = spans.filter((span) => span.traceId === traceId);
          if (complete(trace)) return trace;
        }
        return undefined;
      }),
    close: () => new Promise((resolve) => server.tryShutdown(() => resolve())),
  };
}

// The few fields of opentelemetry/proto/trace/v1 that the tests read, by their public numbers.

function readTraceRequest(request: Uint8Array): Span[] {
  const spans: Span[] = [];
  for (const resourceSpans of fields(request, 1)) {
    const attributes = fields(resourceSpans, 1).map((resource) => readAttributes(resource, 1));
    const service = attributes[0]?.get('service.name') ?? '';
    for (const scopeSpans of fields(resourceSpans, 2)) {
      for (const span of fields(scopeSpans, 2)) spans.push({ ...readSpan(span), service });
    }
  }
  return spans;
}

function readSpan(span: Uint8Array): Omit<Span, 'service'> {
  const hex = (field: number) => Buffer.from(fields(span, field)[0] ?? new Uint8Array()).toString('hex');
  return {
    traceId: hex(1),
    spanId: hex(2),
    parentSpanId: hex(4),
    name: Buffer.from(fields(span, 5)[0] ?? new Uint8Array()).toString('utf8'),
    kind: varint(span, 6),
    attributes: readAttributes(span, 9),
  };
}

function readAttributes(message: Uint8Array, field: number): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const pair of fields(message, field)) {
    const key = Buffer.from(fields(pair, 1)[0] ?? new Uint8Array()).toString('utf8');
    const value = fields(pair, 2)[0] ?? new Uint8Array();
    const text = fields(value, 1)[0];
    attributes.set(key, text ? Buffer.from(text).toString('utf8') : String(varint(value, 3)));
  }
  return attributes;
}

/** Every occurrence of a length-delimited field. */
function fields(message: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === wanted && type === WireType.LengthDelimited) found.push(reader.bytes());
    else reader.skip(type, number);
  }
  return found;
}

function varint(message: Uint8Array, wanted: number): number {
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === wanted && type === WireType.Varint) return Number(reader.int64());
    reader.skip(type, number);
  }
  return 0;
}
