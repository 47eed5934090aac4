import { durationMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { type GetStatusResponse, type Root, Root_Phase } from '@weft/api/weft/api/v1/mesh';
import { formatDuration } from '../terminal/duration.ts';

/** The root and its rotation in one line. `now` is in epoch milliseconds. */
export function rootLine(root: Root, now: number): string {
  const since = root.since ? `for ${formatDuration(now - timestampMs(root.since))}` : 'now';
  switch (root.phase) {
    case Root_Phase.SPREADING: {
      const [first, ...others] = root.waitingFor;
      const waits =
        first === undefined
          ? 'every connected proxy has it; it starts to sign when files have reached the others'
          : `waiting for ${first}${others.length > 0 ? ` and ${others.length} more` : ''}`;
      return `root ${root.fingerprint} is being replaced: ${root.nextFingerprint} is also trusted ${since}; ${waits}`;
    }
    case Root_Phase.SIGNING: {
      const left = root.removesAt ? timestampMs(root.removesAt) - now : 0;
      return `root ${root.nextFingerprint} signs; the previous one is trusted until its last certificate expires, in ${formatDuration(left)}`;
    }
    default:
      return `root ${root.fingerprint}${root.external ? ', external' : ''}; no rotation is in progress`;
  }
}

/** How long calls keep working while the control plane is down: until the first certificate of a connected proxy expires. */
export interface Endurance {
  /** Milliseconds until then; undefined: no proxy is connected. */
  readonly leftMs: number | undefined;
  /** The proxy whose certificate it is. */
  readonly proxy: string;
  /** The least that this can be while the control plane runs. */
  readonly leastMs: number;
}

/** Finds the certificate that expires first. */
export function endurance(mesh: GetStatusResponse, now: number): Endurance {
  let leftMs: number | undefined;
  let proxy = '';
  for (const { namespace, name, proxy: connected } of mesh.workloads) {
    if (!connected?.certificateNotAfter) continue;
    const left = timestampMs(connected.certificateNotAfter) - now;
    if (leftMs !== undefined && left >= leftMs) continue;
    leftMs = left;
    proxy = `${namespace}/${name}`;
  }
  const lifetime = mesh.controlPlane?.certificateLifetime;
  return { leftMs, proxy, leastMs: lifetime ? durationMs(lifetime) / 2 : 0 };
}
