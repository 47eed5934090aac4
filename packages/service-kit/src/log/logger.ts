import { isSpanContextValid, trace } from '@opentelemetry/api';
import { type Logger, pino } from 'pino';
import { currentCall } from '../current-call.ts';
import { serializeError } from './serialize-error.ts';

let shared: Logger | undefined;

/**
 * The process's logger: JSON lines on stdout with time, level, service, msg and, inside of a call or a trace, trace_id and span_id.
 * LOG_LEVEL sets the lowest level (default: info). Log messages of contracts by `redact` only.
 */
export function logger(): Logger {
  shared ??= createLogger(process.stdout.fd, process.env.LOG_LEVEL);
  return shared;
}

/** A logger of the same form that writes elsewhere: to a file descriptor, or what has `write`. `level` is the lowest. Default: info. */
export function createLogger(destination: number | { write(line: string): void }, level = 'info'): Logger {
  return pino(
    {
      level,
      base: { service: process.env.WEFT_SERVICE ?? process.env.OTEL_SERVICE_NAME },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      mixin: traceIds,
      serializers: { err: serializeError, error: serializeError, cause: serializeError },
    },
    typeof destination === 'number' ? pino.destination({ fd: destination, sync: true }) : destination,
  );
}

function traceIds(): object {
  const span = trace.getActiveSpan()?.spanContext();
  if (span && isSpanContextValid(span)) return { trace_id: span.traceId, span_id: span.spanId };
  // Without telemetry in this process, an answer still names the trace that its lines are found by.
  const call = currentCall();
  return call ? { trace_id: call.traceId } : {};
}
