import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { GetStatusResponse, PlainTextCall } from '@weft/api/weft/api/v1/mesh';
import { suggesting } from '@weft/compiler/model/did-you-mean';
import { formatDuration } from '../terminal/duration.ts';
import type { Finding } from './finding.ts';

/** Of a shorter time a mesh that is quiet at night, or a job of once a day, says nothing. */
const dayMs = 24 * 3_600_000;

/**
 * Whether a namespace can go without plain text, which is to remove its rows of `permissive` from the MeshConfig: whoever was taken
 * in plain text would be refused from then on. `now` is in epoch milliseconds.
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
    return [{ ok: true, text: `${namespace} takes mTLS only: ${services.join(', ') || 'all of its workloads'}` }];
  }
  const found: Finding[] = [];
  const targets = [...new Set(ports.map(({ target }) => target))];
  found.push({ ok: true, text: `plain text is taken at ${targets.join(', ')}` });
  // A proxy that nobody hears of may have taken any number of calls.
  const unheard = own.filter(({ name, proxy }) => !proxy && ports.some(({ workload }) => workload === name));
  if (unheard.length > 0) {
    found.push({
      ok: false,
      text: `nothing is known of ${unheard.map(({ name }) => name).join(', ')}: no proxy is connected`,
    });
  }
  const calls = (plainText?.calls ?? []).filter((call) => call.namespace === namespace);
  // Where the MeshConfig has become strict since, nobody breaks any more.
  const breaking = calls.filter(({ target }) => targets.includes(target));
  for (const call of breaking) found.push({ ok: false, text: callLine(call, now) });
  const countedMs = plainText?.countedSince ? Math.max(0, now - timestampMs(plainText.countedSince)) : 0;
  const counted = `calls are counted for ${formatDuration(countedMs)}, since the control plane started`;
  if (breaking.length > 0) found.push({ ok: true, text: counted });
  else if (unheard.length === 0) {
    found.push({
      ok: true,
      text:
        `the switch to strict breaks nobody that was seen: ${counted}` +
        (countedMs < dayMs ? '; who calls less often than that is not known yet' : ''),
    });
  }
  return found;
}

function callLine({ caller, inMesh, target, count, lastAt, advice }: PlainTextCall, now: number): string {
  const who = inMesh ? caller : `${caller}, which is not in the mesh,`;
  const last = lastAt ? `, last ${formatDuration(Math.max(0, now - timestampMs(lastAt)))} ago` : '';
  return `${who} would be refused at ${target}: ${count} calls in plain text${last}; ${advice}`;
}
