import type { DescMethod } from '@bufbuild/protobuf';
import { type Histogram, metrics } from '@opentelemetry/api';
import { exporting } from './exporting.ts';

let duration: Histogram | undefined;

/**
 * Counts one answered call in the histogram rpc.server.duration, by method and gRPC code. `startedAt` is by
 * performance.now(). Does nothing unless metrics are exported.
 */
export function recordCallDuration(method: DescMethod, code: number, startedAt: number): void {
  if (!exporting.on) return;
  duration ??= metrics
    .getMeter('@weft/service-kit')
    .createHistogram('rpc.server.duration', { unit: 'ms', description: 'How long calls took, by method and code.' });
  duration.record(performance.now() - startedAt, {
    'rpc.system': 'grpc',
    'rpc.service': method.parent.typeName,
    'rpc.method': method.name,
    'rpc.grpc.status_code': code,
  });
}
