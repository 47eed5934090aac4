import type { ServiceManifest } from '../service-manifest.ts';
import { probeCall, reached } from './probe-call.ts';
import type { Replica } from './replica.ts';
import type { RunningService } from './running-service.ts';

/**
 * Why a call that the contracts permit does not succeed, in a few words; empty if all succeed.
 *
 * Tries each pair of a calling replica and a service once both are ready, and each exposed service through the edge. A probe takes the path
 * of a real call, but with a message that no method can decode, so nothing is written.
 */
export async function brokenPath(
  contracted: readonly Pick<RunningService, 'service' | 'calls'>[],
  replicas: readonly Replica[],
  edgePort: number,
): Promise<string> {
  const attempts: Promise<string>[] = [];
  const callers = replicas.filter(({ ready }) => ready);
  for (const { service: callee, calls } of contracted) {
    const authority = callee.contract;
    if (authority === undefined || !callers.some((replica) => isReplicaOf(replica, callee))) continue;
    const exposed = calls.find((call) => call.exposed);
    if (exposed) attempts.push(attempt('the edge', edgePort, `localhost:${edgePort}`, exposed.path));
    for (const replica of callers) {
      const { contract } = replica.service;
      const call = calls.find((each) => contract !== undefined && each.callers.includes(contract));
      if (call) attempts.push(attempt(replica.name, replica.outboundPort, authority, call.path));
    }
  }
  return (await Promise.all(attempts)).find((reason) => reason !== '') ?? '';
}

/** By name, because a replica has the manifest of its last start. */
function isReplicaOf({ service }: Replica, { namespace, name }: ServiceManifest): boolean {
  return service.name === name && service.namespace === namespace;
}

async function attempt(caller: string, port: number, authority: string, path: string): Promise<string> {
  const answer = await probeCall(port, authority, path);
  return reached(answer)
    ? ''
    : `${caller} cannot call ${path.slice(1)} yet (${answer.message || `code ${answer.code}`})`;
}
