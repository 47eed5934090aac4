export type { Caller, EdgeCaller, LocalCaller, ServiceCaller, WorkloadCaller } from './caller.ts';
export { type CallOptions, type Client, type ClientOptions, client } from './client.ts';
export { type Call, currentCall } from './current-call.ts';
export { defaultLimits, type Limits } from './grpc/limits.ts';
export type { Check } from './health.ts';
export { keyed, type Once, repeatable } from './idempotency/keyed.ts';
export { once } from './idempotency/once.ts';
export { type AcrossSteps, onceAcross } from './idempotency/once-across.ts';
export { type Handler, type Handlers, implement, type ServiceImplementation } from './implement.ts';
export { createLogger, logger } from './log/logger.ts';
export { type Loggable, redact } from './log/redact.ts';
export { type LoggableError, serializeError } from './log/serialize-error.ts';
export { Outage } from './outage.ts';
export { decodePageToken, encodePageToken, pageTokenError } from './page-token.ts';
export { clientConfig } from './postgres/client-config.ts';
export { type ConnectionOptions, connectionFromEnvironment } from './postgres/connection-options.ts';
export type {
  Database,
  Queryable,
  QueryOptions,
  Rows,
  Transaction,
  TransactionOptions,
} from './postgres/database.ts';
export { MigrationError } from './postgres/migration-files.ts';
export { type PostgresOptions, postgres } from './postgres/postgres.ts';
export { type ServeOptions, type Server, serve } from './serve.ts';
export { type ErrorDetail, ServiceError, type ServiceErrorOptions } from './service-error.ts';
export { onShutdown } from './shutdown.ts';
export { uuidv7 } from './uuidv7.ts';
