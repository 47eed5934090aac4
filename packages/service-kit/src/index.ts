export { type CallOptions, type Client, type ClientOptions, client } from './client.ts';
export { type Call, currentCall } from './current-call.ts';
export { defaultLimits, type Limits } from './grpc/limits.ts';
export type { Check } from './health.ts';
export { type Handler, type Handlers, implement, type ServiceImplementation } from './implement.ts';
export { logger } from './log/logger.ts';
export { type ServeOptions, type Server, serve } from './serve.ts';
export { type ErrorDetail, ServiceError, type ServiceErrorOptions } from './service-error.ts';
export { onShutdown } from './shutdown.ts';
