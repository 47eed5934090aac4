import { randomBytes } from 'node:crypto';
import type { DescMethod } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
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

/** A call to another service, as telemetry sees it. */
export interface ClientSpan {
  /** The call's headers, with what telemetry propagates. */
  readonly header: Headers | Record<string, string>;
  /** Runs `fn` with the span as the active one. */
  run<T>(fn: () => T): T;
  /** Ends it: `error` when the call failed, an empty object when its reader stopped in the middle, undefined for success. */
  end(end: { readonly error?: unknown } | undefined): void;
}

/** The span for a call to `authority` with these headers. Undefined without telemetry when there is no trace to pass on. */
export function startClientSpan(
  method: DescMethod,
  authority: string,
  given: ConstructorParameters<typeof Headers>[0],
): ClientSpan | undefined {
  if (!enabled()) return passOn(given);
  const span = tracer().startSpan(nameOf(method), {
    kind: SpanKind.CLIENT,
    attributes: { ...attributesOf(method), 'server.address': authority },
  });
  const active = trace.setSpan(context.active(), span);
  const header = new Headers(given);
  propagation.inject(active, header, { set: (headers, name, value) => headers.set(name, value) });
  return {
    header,
    run: (fn) => context.with(active, fn),
    end(end) {
      const failed = end !== undefined && 'error' in end;
      if (failed) endSpan(span, ConnectError.from(end.error).code, true);
      else endSpan(span, end ? grpcCode.cancelled : grpcCode.ok, false);
    },
  };
}

/** The trace of the call that is being answered, in a process without telemetry. */
function passOn(given: ConstructorParameters<typeof Headers>[0]): ClientSpan | undefined {
  const call = currentCall();
  const own = given === undefined ? undefined : new Headers(given);
  if (call === undefined || own?.has('traceparent')) return undefined;
  const received = call.requestHeader.get('traceparent');
  const isOurs = received?.includes(call.traceId) === true;
  const traceparent = isOurs ? received : `00-${call.traceId}-${randomSpanId()}-00`;
  const tracestate = isOurs ? call.requestHeader.get('tracestate') : null;
  own?.set('traceparent', traceparent);
  if (tracestate !== null) own?.set('tracestate', tracestate);
  return {
    header: own ?? { traceparent, ...(tracestate !== null && { tracestate }) },
    run: (fn) => fn(),
    end: () => {},
  };
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
