import { meshMemory, pinMessage } from '../api/mesh-memory.ts';
import type { MeshServiceOptions } from '../api/mesh-service.ts';
import { answerWhy } from '../api/why.ts';
import type { Memory } from '../history/memory.ts';
import type { RootRotation } from '../identity/root-rotation.ts';
import type { WorkloadIdentities } from '../identity/workload-identities.ts';
import { meshStatus } from '../status/mesh-status.ts';
import type { StoredProblemLog } from '../status/problem-store.ts';
import { version } from '../version.ts';
import type { LiveMesh } from './live-mesh.ts';
import type { ProxyCalls } from './proxy-calls.ts';

/** Everything that weft.api.v1 tells of. */
export interface MeshApiParts {
  readonly startedAtMs: number;
  readonly live: LiveMesh;
  readonly rotation: RootRotation;
  readonly identities: WorkloadIdentities;
  readonly memory: Memory;
  readonly problems: StoredProblemLog;
  readonly calls: ProxyCalls;
  /** Writes a line that says who asked for what. */
  readonly audit: (fields: object, message: string) => void;
}

/** What weft.api.v1 answers with. */
export function meshApi(parts: MeshApiParts): MeshServiceOptions {
  const { live, rotation, identities, memory, audit } = parts;
  const { turns, delivery } = live;
  const why = answerWhy({
    memory,
    now: () => turns.now,
    proxies: () => delivery.proxies(),
    certificateNotAfterMs: (workload) => identities.notAfterMs(workload),
  });
  return {
    status: () => statusOf(parts),
    snapshot: (id) => turns.snapshot(id),
    root: rotation,
    audit,
    memory: meshMemory({ memory, audit, why }),
  };
}

function statusOf({ startedAtMs, live, rotation, identities, memory, problems, calls }: MeshApiParts) {
  const { mesh } = live.turns;
  if (mesh === undefined) return undefined;
  return meshStatus({
    version,
    startedAtMs,
    root: rotation.status(),
    mesh,
    proxies: live.delivery.proxies(),
    problems: problems.list(),
    denials: calls.denials.list(),
    plainText: calls.plainText.list(),
    certificateNotAfterMs: (workload) => identities.notAfterMs(workload),
    ...(memory.pin ? { pin: pinMessage(memory.pin) } : {}),
  });
}
