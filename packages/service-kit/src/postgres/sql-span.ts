import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import pg from 'pg';

/** Longer statements are cut in spans. */
const maxTextLength = 2_000;

/**
 * Runs one statement in a span of its own, by OpenTelemetry's conventions for databases. The text has $1 in place of each
 * value; no value and no server message, which may quote one, is recorded.
 */
export async function sqlSpan<T>(schema: string, text: string, run: () => Promise<T>): Promise<T> {
  const operation = /^\s*(\w+)/.exec(text)?.[1]?.toUpperCase() ?? 'SQL';
  const span = trace.getTracer('@weft/service-kit').startSpan(`${operation} ${schema}`, { kind: SpanKind.CLIENT });
  if (!span.isRecording()) return run();
  span.setAttributes({
    'db.system.name': 'postgresql',
    'db.namespace': schema,
    'db.operation.name': operation,
    'db.query.text': text.trim().slice(0, maxTextLength),
  });
  try {
    return await run();
  } catch (error) {
    const code = error instanceof pg.DatabaseError ? error.code : undefined;
    span.setAttribute('error.type', code ?? (error instanceof Error ? error.name : 'unknown'));
    if (code) span.setAttribute('db.response.status_code', code);
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}
