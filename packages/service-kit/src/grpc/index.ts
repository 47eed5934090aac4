export { connectListener } from '../connect-path.ts';
export type { GrpcCall, GrpcMethod } from './call.ts';
export { frameMessage } from './frame.ts';
export { createGrpcHandler, type GrpcHandlerOptions, http2Options, isGrpcProto } from './handler.ts';
export { defaultLimits, type Limits } from './limits.ts';
export { GrpcError, type GrpcStatus, grpcCode } from './status.ts';
