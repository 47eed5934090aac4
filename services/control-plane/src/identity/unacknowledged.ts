import { typeUrls } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { Delivery } from '../xds/delivery.ts';
import { secretNames } from './workload-identities.ts';

/** Within this time a proxy that comes back has named what it holds. */
const introductionMs = 10_000;

/**
 * Proxies that are connected and have not taken a version of the roots. One that has asked for no secret since it came, some
 * time ago, holds no root that could be old.
 */
export function unacknowledged(
  delivery: Pick<Delivery, 'proxies' | 'takenVersion'>,
  rootVersion: string,
  nowMs: number = Date.now(),
): readonly WorkloadId[] {
  const waiting: WorkloadId[] = [];
  for (const [id, { types, connectedAt }] of delivery.proxies()) {
    const asks = (types.get(typeUrls.secret)?.resources ?? 0) > 0;
    const taken = delivery.takenVersion(id, typeUrls.secret, secretNames.root);
    if (asks ? taken !== rootVersion : nowMs - connectedAt < introductionMs) waiting.push(id);
  }
  return waiting.sort();
}
