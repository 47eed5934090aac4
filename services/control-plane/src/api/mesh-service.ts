import {
  type GetStatusResponse,
  type ListRevisionsRequest,
  type ListRevisionsResponse,
  MeshService,
  type RevertRequest,
  type RevertResponse,
  type WhyRequest,
  type WhyResponse,
} from '@weft/contracts/weft/api/v1/mesh';
import { implement, ServiceError, type ServiceImplementation } from '@weft/service-kit';
import { grpcCode } from '@weft/service-kit/grpc';
import { snapshotJson } from '../envoy/resource-json.ts';
import type { WorkloadId } from '../model/mesh.ts';
import type { Snapshot } from '../xds/resource.ts';

/** The memory of the mesh. Each rejects with a `ServiceError` when the request asks for what is not there. */
export interface MeshMemory {
  list(request: ListRevisionsRequest): ListRevisionsResponse;
  why(request: WhyRequest): Promise<WhyResponse>;
  revert(request: RevertRequest): Promise<RevertResponse>;
}

export interface MeshServiceOptions {
  /** Undefined while the mesh is not known yet. */
  readonly status: () => GetStatusResponse | undefined;
  readonly snapshot: (id: WorkloadId) => Snapshot | undefined;
  readonly memory?: MeshMemory;
}

/** weft.api.v1 for the weft command and the console. */
export function meshService({ status, snapshot, memory }: MeshServiceOptions): ServiceImplementation {
  return implement(MeshService, {
    getStatus() {
      const now = status();
      if (now === undefined) throw new ServiceError(grpcCode.unavailable, 'the mesh is not known yet');
      return now;
    },
    getProxyConfig({ namespace, name }) {
      const held = snapshot(`${namespace}/${name}`);
      if (held === undefined) throw new ServiceError(grpcCode.notFound, `there is no workload ${namespace}/${name}`);
      return { configJson: JSON.stringify(snapshotJson(held)) };
    },
    listRevisions: (request) => kept(memory).list(request),
    why: (request) => kept(memory).why(request),
    revert: (request) => kept(memory).revert(request),
  });
}

function kept(memory: MeshMemory | undefined): MeshMemory {
  if (memory === undefined) throw new ServiceError(grpcCode.unimplemented, 'this control plane keeps no history');
  return memory;
}
