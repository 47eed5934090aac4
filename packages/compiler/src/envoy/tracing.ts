import { create } from '@bufbuild/protobuf';
import { OpenTelemetryConfigSchema } from '@weft/envoy-api/envoy/config/trace/v3/opentelemetry';
import {
  type HttpConnectionManager_Tracing as Tracing,
  HttpConnectionManager_TracingSchema as TracingSchema,
} from '@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import type { TracingSettings } from '../model/mesh.ts';
import { tracingCluster } from './names.ts';
import { extension } from './typed-config.ts';

/** Spans by OTLP/gRPC with W3C trace context, under the name of the service that the proxy stands for. */
export function tracing(settings: TracingSettings, serviceName: string): Tracing {
  return create(TracingSchema, {
    // Of traces that begin here; those that a caller began are its decision.
    randomSampling: { value: settings.samplingPercent },
    provider: extension('envoy.tracers.opentelemetry', OpenTelemetryConfigSchema, {
      grpcService: { targetSpecifier: { case: 'envoyGrpc', value: { clusterName: tracingCluster } } },
      serviceName,
    }),
  });
}
