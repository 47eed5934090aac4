import type { DescMethod } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import {
  type Context,
  context,
  type Histogram,
  metrics,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { exporting } from './exporting.ts';

/** The span and the measurement of one call that this process answers. */
export interface ServerSpan {
  /** Runs a part of the handler as part of the trace; more than once for streams. */
  run<T>(fn: () => T): T;
  /** Ends it with the gRPC code that the caller got. Later calls do nothing. */
  end(code: number): void;
}

/** Codes that are the server's fault, by OpenTelemetry's conventions for gRPC. */
const serverFaults: ReadonlySet<number> = new Set([
  Code.Unknown,
  Code.DeadlineExceeded,
  Code.Unimplemented,
  Code.Internal,
  Code.Unavailable,
  Code.DataLoss,
]);

const off: ServerSpan = { run: (fn) => fn(), end: () => {} };

let duration: Histogram | undefined;

/**
 * Begins the span of a call; `header` reads one of its request headers. Without an exporter this costs two look-ups, and
 * the trace that the call brought is still the active one inside of run().
 */
export function startServerSpan(method: DescMethod, header: (name: string) => string | undefined): ServerSpan {
  if (!exporting.on && header('traceparent') === undefined) return off;
  const parent = propagation.extract(ROOT_CONTEXT, header, {
    keys: () => ['traceparent', 'tracestate'],
    get: (read, name) => read(name),
  });
  if (!exporting.on) return { run: (fn) => context.with(parent, fn), end: () => {} };
  return new RecordedSpan(method, parent);
}

class RecordedSpan implements ServerSpan {
  readonly #method: DescMethod;
  readonly #span: Span;
  readonly #context: Context;
  readonly #startedAt = performance.now();
  #ended = false;

  constructor(method: DescMethod, parent: Context) {
    this.#method = method;
    this.#span = trace.getTracer('@weft/service-kit').startSpan(
      `${method.parent.typeName}/${method.name}`,
      {
        kind: SpanKind.SERVER,
        attributes: { 'rpc.system': 'grpc', 'rpc.service': method.parent.typeName, 'rpc.method': method.name },
      },
      parent,
    );
    this.#context = trace.setSpan(parent, this.#span);
  }

  run<T>(fn: () => T): T {
    return context.with(this.#context, fn);
  }

  end(code: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#span.setAttribute('rpc.grpc.status_code', code);
    if (serverFaults.has(code)) this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end();
    duration ??= metrics
      .getMeter('@weft/service-kit')
      .createHistogram('rpc.server.duration', { unit: 'ms', description: 'How long calls took, by method and code.' });
    duration.record(performance.now() - this.#startedAt, {
      'rpc.system': 'grpc',
      'rpc.service': this.#method.parent.typeName,
      'rpc.method': this.#method.name,
      'rpc.grpc.status_code': code,
    });
  }
}
