import type { ServiceId, WorkloadId } from '@weft/compiler/model/mesh';
import type { AuthenticatedRequest } from '../xds/transport.ts';
import { type FirstCallAnswer, firstCallSchema, maxFirstCallBytes, notConnected } from './first-call.ts';
import { claimsReplica } from './replica-token.ts';

/** What a replica does about first calls of sidecars that are connected to it. */
export interface FirstCallsHere {
  /** Whether the sidecar of a workload is connected to this replica. */
  isConnected(workload: WorkloadId): boolean;
  add(workload: WorkloadId, services: readonly ServiceId[]): boolean;
  taken(workload: WorkloadId): Promise<boolean>;
}

/** Answers other replicas of the control plane, and nobody else, about sidecars that are connected to this one. */
export function firstCallRequest(calls: FirstCallsHere): AuthenticatedRequest {
  return async (stream, headers) => {
    // A token that claims so was found valid at the door.
    if (!claimsReplica(headers.authorization)) {
      stream.respond({ ':status': 403 }, { endStream: true });
      return;
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of stream) {
      bytes += chunk.length;
      if (bytes > maxFirstCallBytes) {
        stream.respond({ ':status': 413 }, { endStream: true });
        return;
      }
      chunks.push(chunk);
    }
    const { workload, services, wait } = firstCallSchema.parse(JSON.parse(Buffer.concat(chunks).toString()));
    const answer = await answerTo(calls, workload, services, wait);
    if (stream.destroyed) return;
    stream.respond({ ':status': 200, 'content-type': 'application/json' });
    stream.end(JSON.stringify(answer));
  };
}

async function answerTo(
  calls: FirstCallsHere,
  workload: WorkloadId,
  services: readonly ServiceId[],
  wait: boolean,
): Promise<FirstCallAnswer> {
  if (!calls.isConnected(workload)) return notConnected;
  const changed = calls.add(workload, services);
  return { connected: true, changed, taken: wait && (await calls.taken(workload)) };
}
