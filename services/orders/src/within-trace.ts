import { context, propagation, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';

/** The W3C trace context of the running code, to be stored; undefined outside of a trace. */
export function currentTraceParent(): string | undefined {
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  return carrier.traceparent;
}

/** Runs `fn` in a span of its own in a stored trace, so that work done later belongs to the call that asked for it. */
export function withinTrace<T>(traceParent: string | undefined, name: string, fn: () => Promise<T>): Promise<T> {
  const parent = propagation.extract(ROOT_CONTEXT, traceParent === undefined ? {} : { traceparent: traceParent });
  return trace.getTracer('shop.orders').startActiveSpan(name, {}, parent, async (span) => {
    try {
      return await fn();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}
