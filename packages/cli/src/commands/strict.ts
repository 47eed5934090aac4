import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { GetStatusResponse, PlainTextCall } from '@weft/api/weft/api/v1/mesh';
import { suggesting } from '@weft/compiler/model/did-you-mean';
import { formatDuration } from '../terminal/duration.ts';
import type { Finding } from './finding.ts';

/** A shorter period could miss a daily job, or a mesh that is quiet at night. */
const dayMs = 24 * 3_600_000;

/**
 * Whether a namespace can refuse plain text. Removing its rows of `permissive` from the MeshConfig does that: callers that use plain text
 * would be refused from then on. `now` is in epoch milliseconds.
 */
export function strictFindings({ plainText, workloads }: GetStatusResponse, namespace: string, now: number): Finding[] {
  const own = workloads.filter((workload) => workload.namespace === namespace);
  const services = [...new Set(own.flatMap((workload) => workload.services))];
  if (own.length === 0) {
    const namespaces = new Set(workloads.map((workload) => workload.namespace));
    return [
      { ok: false, text: suggesting(`namespace ${namespace} has no workload in the mesh`, namespace, namespaces) },
    ];
  }
  const ports = (plainText?.ports ?? []).filter((port) => port.namespace === namespace);
  if (ports.length === 0) {
    return [{ ok: true, text: `${namespace} accepts only mTLS: ${services.join(', ') || 'all of its workloads'}` }];
  }
  const found: Finding[] = [];
  const targets = [...new Set(ports.map(({ target }) => target))];
  found.push({ ok: true, text: `plain text is accepted at ${targets.join(', ')}` });
  // A disconnected proxy may have accepted any number of calls.
  const unheard = own.filter(({ name, proxy }) => !proxy && ports.some(({ workload }) => workload === name));
  if (unheard.length > 0) {
    found.push({
      ok: false,
      text: `nothing is known about ${unheard.map(({ name }) => name).join(', ')}: no proxy is connected`,
    });
  }
  const calls = (plainText?.calls ?? []).filter((call) => call.namespace === namespace);
  // If the MeshConfig has become strict since then, no caller can break anymore.
  const breaking = calls.filter(({ target }) => targets.includes(target));
  for (const call of breaking) found.push({ ok: false, text: callLine(call, now) });
  const countedMs = plainText?.countedSince ? Math.max(0, now - timestampMs(plainText.countedSince)) : 0;
  const counted = `calls have been counted for ${formatDuration(countedMs)}, since the control plane started`;
  if (breaking.length > 0) found.push({ ok: true, text: counted });
  else if (unheard.length === 0) {
    found.push({
      ok: true,
      text:
        `switching to strict breaks no caller seen so far: ${counted}` +
        (countedMs < dayMs ? '; a caller that calls less often may be missing' : ''),
    });
  }
  return found;
}

function callLine({ caller, inMesh, target, count, lastAt, advice }: PlainTextCall, now: number): string {
  const who = inMesh ? caller : `${caller}, which is not in the mesh,`;
  const last = lastAt ? `, last ${formatDuration(Math.max(0, now - timestampMs(lastAt)))} ago` : '';
  return `${who} would be refused at ${target}: ${count} calls in plain text${last}; ${advice}`;
}
