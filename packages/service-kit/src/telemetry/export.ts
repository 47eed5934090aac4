import { hostname } from 'node:os';
import { metrics, trace } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader, type PushMetricExporter } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import { onShutdown } from '../shutdown.ts';
import { exporting } from './exporting.ts';

/**
 * Exports spans and metrics to OTEL_EXPORTER_OTLP_ENDPOINT from now on, and flushes them when the process is told to stop.
 * OTEL_EXPORTER_OTLP_PROTOCOL is "grpc" (the default, unlike OpenTelemetry's: Envoy speaks nothing else, so that one endpoint serves both)
 * or "http/protobuf". OTEL_BSP_SCHEDULE_DELAY and OTEL_METRIC_EXPORT_INTERVAL count as usual, in milliseconds.
 *
 * @throws RangeError for another protocol.
 */
export async function startExport(): Promise<void> {
  const resource = resourceFromAttributes({
    'service.name': process.env.OTEL_SERVICE_NAME ?? process.env.WEFT_SERVICE ?? 'unknown_service',
    'service.instance.id': `${hostname()}-${process.pid}`,
  });
  const { spans, points } = await exporters(process.env.OTEL_EXPORTER_OTLP_PROTOCOL ?? 'grpc');
  const tracerProvider = new TracerProvider({
    resource,
    // Sampling is the mesh's: what the edge has sampled is kept, and only a trace that begins here is always.
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: spans,
        scheduledDelayMillis: milliseconds('OTEL_BSP_SCHEDULE_DELAY', 1_000),
      }),
    ],
  });
  const meterProvider = new MeterProvider({
    resource,
    readers: [
      new PeriodicExportingMetricReader({
        exporter: points,
        exportIntervalMillis: milliseconds('OTEL_METRIC_EXPORT_INTERVAL', 60_000),
        exportTimeoutMillis: Math.min(10_000, milliseconds('OTEL_METRIC_EXPORT_INTERVAL', 60_000)),
      }),
    ],
  });
  trace.setGlobalTracerProvider(tracerProvider);
  metrics.setGlobalMeterProvider(meterProvider);
  exporting.on = true;
  const flush = async () => {
    await Promise.allSettled([tracerProvider.shutdown(), meterProvider.shutdown()]);
  };
  onShutdown(flush);
  // A script that just ends has no server to be told to stop.
  process.once('beforeExit', flush);
}

async function exporters(protocol: string): Promise<{ spans: SpanExporter; points: PushMetricExporter }> {
  switch (protocol) {
    case 'grpc': {
      const [{ OTLPTraceExporter }, { OTLPMetricExporter }] = await Promise.all([
        import('@opentelemetry/exporter-trace-otlp-grpc'),
        import('@opentelemetry/exporter-metrics-otlp-grpc'),
      ]);
      return { spans: new OTLPTraceExporter(), points: new OTLPMetricExporter() };
    }
    case 'http/protobuf': {
      const [{ OTLPTraceExporter }, { OTLPMetricExporter }] = await Promise.all([
        import('@opentelemetry/exporter-trace-otlp-proto'),
        import('@opentelemetry/exporter-metrics-otlp-proto'),
      ]);
      return { spans: new OTLPTraceExporter(), points: new OTLPMetricExporter() };
    }
    default:
      throw new RangeError(`OTEL_EXPORTER_OTLP_PROTOCOL "${protocol}" must be "grpc" or "http/protobuf"`);
  }
}

function milliseconds(variable: string, fallback: number): number {
  const value = Number(process.env[variable] ?? fallback);
  if (!(value > 0))
    throw new RangeError(`${variable} "${process.env[variable]}" must be a number of milliseconds above 0`);
  return value;
}
