import type { Mesh, WorkloadId } from '@weft/compiler/model/mesh';
import { createReflection, reflectionPaths } from '../api/reflection.ts';
import type { DenialCounts } from '../refusals/denial-counts.ts';
import type { FirstCalls } from '../refusals/first-calls.ts';
import { PlainTextCalls } from '../refusals/plain-text-calls.ts';
import type { Refusal } from '../refusals/refusal.ts';
import { checkPath, createRefusals } from '../refusals/refusals.ts';
import { createRefusedConnections, refusedConnectionsPath } from '../refusals/refused-connections.ts';
import type { AuthenticatedMethod } from '../xds/transport.ts';

/** What proxies call besides xDS, and what was counted of it. */
export interface ProxyCalls {
  /** By path. */
  readonly methods: ReadonlyMap<string, AuthenticatedMethod>;
  readonly denials: DenialCounts;
  readonly plainText: PlainTextCalls;
}

/** Answers proxies from the mesh of now, and logs the first of each kind that was refused. */
export function proxyCalls(options: {
  readonly mesh: () => Mesh | undefined;
  readonly firstCalls: FirstCalls;
  readonly log: { warn(fields: object, message: string): void };
}): ProxyCalls {
  const { mesh, firstCalls, log } = options;
  const onFirst = ({ caller, message, advice }: Refusal, path: string, workload: WorkloadId) =>
    log.warn({ workload, caller, path, advice }, message);
  const refusals = createRefusals({ mesh, onFirst, firstCalls });
  const plainText = new PlainTextCalls();
  const refusedConnections = createRefusedConnections({
    mesh,
    counts: refusals.counts,
    plainText,
    onFirst,
    firstCalls,
  });
  const reflection = createReflection(mesh);
  const methods = new Map<string, AuthenticatedMethod>([
    [checkPath, refusals.method],
    [refusedConnectionsPath, refusedConnections],
    ...reflectionPaths.map((path) => [path, reflection] as const),
  ]);
  return { methods, denials: refusals.counts, plainText };
}
