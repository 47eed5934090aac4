import { create } from '@bufbuild/protobuf';
import { type AccessLog, AccessLogSchema } from '@weft/envoy-api/envoy/config/accesslog/v3/accesslog';
import { StdoutAccessLogSchema } from '@weft/envoy-api/envoy/extensions/access_loggers/stream/v3/stream';
import { extension } from './typed-config.ts';

/** A log of one JSON line each on stdout, with these fields: Envoy's command operators, or texts. A field without a value is left out. */
export function stdoutLog(fields: Readonly<Record<string, string>>): AccessLog {
  const format = { case: 'jsonFormat', value: { time: '%START_TIME%', ...fields } } as const;
  return create(
    AccessLogSchema,
    extension('envoy.access_loggers.stdout', StdoutAccessLogSchema, {
      accessLogFormat: { case: 'logFormat', value: { omitEmptyValues: true, format } },
    }),
  );
}
