import { type GetStatusResponse, MeshService } from '@weft/contracts/weft/api/v1/mesh';
import { implement, ServiceError, type ServiceImplementation } from '@weft/service-kit';
import { grpcCode } from '@weft/service-kit/grpc';
import { snapshotJson } from '../envoy/resource-json.ts';
import type { WorkloadId } from '../model/mesh.ts';
import type { Snapshot } from '../xds/resource.ts';

export interface MeshServiceOptions {
  /** Undefined while the mesh is not known yet. */
  readonly status: () => GetStatusResponse | undefined;
  readonly snapshot: (id: WorkloadId) => Snapshot | undefined;
}

/** weft.api.v1 for the weft command and the console. */
export function meshService({ status, snapshot }: MeshServiceOptions): ServiceImplementation {
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
  });
}
