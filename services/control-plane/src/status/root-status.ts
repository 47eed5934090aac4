import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Root_Phase, type RootSchema } from '@weft/api/weft/api/v1/mesh';
import type { RotationStatus } from '../identity/root-rotation.ts';

const phases = {
  steady: Root_Phase.STEADY,
  spreading: Root_Phase.SPREADING,
  signing: Root_Phase.SIGNING,
} as const;

/** The root as `weft status` shows it. */
export function rootStatus(rotation: RotationStatus): MessageInitShape<typeof RootSchema> {
  const { sinceMs, removesAtMs } = rotation;
  return {
    phase: phases[rotation.phase],
    fingerprint: rotation.fingerprint,
    nextFingerprint: rotation.nextFingerprint ?? '',
    ...(sinceMs === undefined ? {} : { since: timestampFromMs(sinceMs) }),
    ...(removesAtMs === undefined ? {} : { removesAt: timestampFromMs(removesAtMs) }),
    waitingFor: [...rotation.waitingFor],
    external: rotation.external,
  };
}
