import {
  type GetStatusResponse,
  type ListRevisionsRequest,
  type ListRevisionsResponse,
  MeshService,
  type RevertRequest,
  type RevertResponse,
  type WhyRequest,
  type WhyResponse,
} from '@weft/api/weft/api/v1/mesh';
import type { Snapshot } from '@weft/compiler/envoy/resource';
import { snapshotJson } from '@weft/compiler/envoy/resource-json';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import { implement, ServiceError, type ServiceImplementation } from '@weft/service-kit';
import { grpcCode } from '@weft/service-kit/grpc';
import { RotationRefused, type RotationStatus } from '../identity/root-rotation.ts';
import { rootStatus } from '../status/root-status.ts';

import { checkText } from './api-limits.ts';

/** The memory of the mesh. Each rejects with a `ServiceError` when the request asks for what is not there. */
export interface MeshMemory {
  list(request: ListRevisionsRequest): ListRevisionsResponse;
  why(request: WhyRequest): Promise<WhyResponse>;
  revert(request: RevertRequest): Promise<RevertResponse>;
}

/** The root of all certificates, as far as the API asks for it. */
export interface RotatableRoot {
  /** Rejects with RotationRefused. */
  begin(): Promise<RotationStatus>;
}

export interface MeshServiceOptions {
  /** Undefined while the mesh is not known yet. */
  readonly status: () => GetStatusResponse | undefined;
  readonly snapshot: (id: WorkloadId) => Snapshot | undefined;
  readonly memory?: MeshMemory;
  readonly root?: RotatableRoot;
  /** Told of what somebody asked for, for the log. */
  readonly audit?: (fields: object, message: string) => void;
}

/** weft.api.v1 for the weft command and the console. */
export function meshService({ status, snapshot, memory, root, audit }: MeshServiceOptions): ServiceImplementation {
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
    async rotateRoot({ why, by }) {
      checkText('why', why);
      checkText('by', by);
      if (root === undefined) throw new ServiceError(grpcCode.unimplemented, 'this control plane has no root');
      try {
        const rotation = await root.begin();
        audit?.({ why, by, root: rotation.fingerprint, next: rotation.nextFingerprint }, 'a new root was asked for');
        return { root: rootStatus(rotation) };
      } catch (cause) {
        if (!(cause instanceof RotationRefused)) throw cause;
        throw new ServiceError(grpcCode.failedPrecondition, cause.message, { cause });
      }
    },
  });
}

function kept(memory: MeshMemory | undefined): MeshMemory {
  if (memory === undefined) throw new ServiceError(grpcCode.unimplemented, 'this control plane keeps no history');
  return memory;
}
