import type { GrpcCall } from '@weft/service-kit/grpc';
import type { WorkloadId } from '../model/mesh.ts';

/** A method on the proxies' port. The caller is the workload whose token came with the call. */
export type RawMethod = (call: GrpcCall, workload: WorkloadId) => Promise<void>;
