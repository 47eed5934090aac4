import type { Mesh, WorkloadId } from '@weft/compiler/model/mesh';
import { createReflection, reflectionPaths } from '../api/reflection.ts';
import type { DenialCounts } from '../refusals/denial-counts.ts';
import type { FirstCalls } from '../refusals/first-calls.ts';
import { PlainTextCalls } from '../refusals/plain-text-calls.ts';
import type { Refusal } from '../refusals/refusal.ts';
import { checkPath, createRefusals } from '../refusals/refusals.ts';
import { createRefusedConnections, refusedConnectionsPath } from '../refusals/refused-connections.ts';
import { firstCallPath } from '../replicas/first-call.ts';
import { firstCallRequest } from '../replicas/first-call-request.ts';
import type { AuthenticatedMethod, AuthenticatedRequest } from '../xds/transport.ts';

/** What proxies and other replicas call besides xDS, and what was counted of it. */
export interface ProxyCalls {
  /** What the transport serves, by path. */
  readonly served: {
    readonly methods: ReadonlyMap<string, AuthenticatedMethod>;
    readonly requests: ReadonlyMap<string, AuthenticatedRequest>;
  };
  readonly denials: DenialCounts;
  readonly plainText: PlainTextCalls;
}

/** Answers proxies from the mesh of now, and logs the first of each kind that was refused. */
export function proxyCalls(options: {
  readonly mesh: () => Mesh | undefined;
  readonly firstCalls: FirstCalls;
  readonly log: { warn(fields: object, message: string): void };
  /** Told when a workload goes over a budget. */
  readonly onExceeded: (workload: WorkloadId, message: string) => void;
}): ProxyCalls {
  const { mesh, firstCalls, log, onExceeded } = options;
  const onFirst = ({ caller, message, advice }: Refusal, path: string, workload: WorkloadId) =>
    log.warn({ workload, caller, path, advice }, message);
  const refusals = createRefusals({ mesh, onFirst, firstCalls, onExceeded });
  const plainText = new PlainTextCalls();
  const refusedConnections = createRefusedConnections({
    mesh,
    counts: refusals.counts,
    plainText,
    onFirst,
    firstCalls,
    onExceeded,
  });
  const reflection = createReflection({ mesh, onExceeded });
  const methods = new Map<string, AuthenticatedMethod>([
    [checkPath, refusals.method],
    [refusedConnectionsPath, refusedConnections],
    ...reflectionPaths.map((path) => [path, reflection.grpc] as const),
  ]);
  const requests = new Map<string, AuthenticatedRequest>([
    ...reflectionPaths.map((path) => [path, reflection.other] as const),
    [firstCallPath, firstCallRequest(firstCalls)],
  ]);
  return { served: { methods, requests }, denials: refusals.counts, plainText };
}
