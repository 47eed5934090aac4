import { randomBytes } from 'node:crypto';
import type { DescMethod } from '@bufbuild/protobuf';
import { ConnectError, type Interceptor, type StreamResponse } from '@connectrpc/connect';
import {
  type Attributes,
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { currentCall } from './current-call.ts';
import { grpcCode } from './grpc/status.ts';
import { recordCallDuration } from './telemetry/call-duration.ts';

/** The span of a call that is being answered. */
export interface ServerSpan {
  /** Runs `fn` with the span as the active one. */
  run<T>(fn: () => T): T;
  /** Ends it with the status code of the answer. Only the first end counts. */
  end(code: number): void;
}

/** Codes that are the server's fault, by OpenTelemetry's conventions for gRPC. */
const serverFaults: ReadonlySet<number> = new Set([
  grpcCode.unknown,
  grpcCode.deadlineExceeded,
  grpcCode.unimplemented,
  grpcCode.internal,
  grpcCode.unavailable,
  grpcCode.dataLoss,
]);

/** Whose trace the answer to a call names. */
export interface Traced {
  traceId: string;
}

/**
 * The span for a call with these request headers, a child of the one they name. Where they name none, it begins the trace that `call` names;
 * the exporter's code begins another, and `call` is told of it. Undefined without telemetry.
 */
export function startServerSpan(
  method: DescMethod,
  header: (name: string) => string | undefined,
  call: Traced,
): ServerSpan | undefined {
  if (!enabled()) return undefined;
  const parent = propagation.extract(ROOT_CONTEXT, header, { get: (read, name) => read(name), keys: () => [] });
  const span = tracer().startSpan(nameOf(method), { kind: SpanKind.SERVER, attributes: attributesOf(method) }, parent);
  // Without the exporter's code there are no spans, and all that is left is to pass on one trace to whatever is called and logged.
  const active = isSpanContextValid(span.spanContext())
    ? trace.setSpan(parent, span)
    : trace.setSpanContext(parent, { traceId: call.traceId, spanId: randomSpanId(), traceFlags: TraceFlags.NONE });
  call.traceId = trace.getSpanContext(active)?.traceId ?? call.traceId;
  const startedAt = performance.now();
  let ended = false;
  return {
    run: (fn) => context.with(active, fn),
    end(code) {
      if (ended) return;
      ended = true;
      endSpan(span, code, serverFaults.has(code));
      recordCallDuration(method, code, startedAt);
    },
  };
}

function randomSpanId(): string {
  return randomBytes(8).toString('hex');
}

/** Gives each call to `authority` a span and sends it along, with what else telemetry propagates. */
export function clientSpans(authority: string): Interceptor {
  return (next) => async (request) => {
    if (!enabled()) {
      passOn(request.header);
      return next(request);
    }
    const span = tracer().startSpan(nameOf(request.method), {
      kind: SpanKind.CLIENT,
      attributes: { ...attributesOf(request.method), 'server.address': authority },
    });
    const active = trace.setSpan(context.active(), span);
    propagation.inject(active, request.header, { set: (headers, name, value) => headers.set(name, value) });
    try {
      const response = await context.with(active, () => next(request));
      if (response.stream) return { ...response, message: untilEnd(response.message, span) };
      endSpan(span, grpcCode.ok, false);
      return response;
    } catch (error) {
      endSpan(span, ConnectError.from(error).code, true);
      throw error;
    }
  };
}

/** The trace of the call that is being answered, in a process without telemetry. */
function passOn(header: Headers): void {
  const call = currentCall();
  if (call === undefined || header.has('traceparent')) return;
  const given = call.requestHeader.get('traceparent');
  const isOurs = given?.includes(call.traceId) === true;
  header.set('traceparent', isOurs ? given : `00-${call.traceId}-${randomSpanId()}-00`);
  const state = call.requestHeader.get('tracestate');
  if (isOurs && state !== null) header.set('tracestate', state);
}

async function* untilEnd(messages: StreamResponse['message'], span: Span): StreamResponse['message'] {
  let code: number = grpcCode.cancelled; // What it stays when the reader stops in the middle.
  try {
    yield* messages;
    code = grpcCode.ok;
  } catch (error) {
    code = ConnectError.from(error).code;
    throw error;
  } finally {
    endSpan(span, code, code !== grpcCode.ok && code !== grpcCode.cancelled);
  }
}

/** Whether `@weft/service-kit/telemetry` was imported: the API alone propagates nothing. */
function enabled(): boolean {
  return propagation.fields().length > 0;
}

function tracer() {
  return trace.getTracer('@weft/service-kit');
}

function nameOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

function attributesOf(method: DescMethod): Attributes {
  return { 'rpc.system': 'grpc', 'rpc.service': method.parent.typeName, 'rpc.method': method.name };
}

function endSpan(span: Span, code: number, failed: boolean): void {
  span.setAttribute('rpc.grpc.status_code', code);
  if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}
