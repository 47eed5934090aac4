import { isEndpointChange, type Workload } from '@weft/compiler/model/workload';
import { type Part, type Parts, samePart } from './parts.ts';

/** What made one revision out of another. */
export interface Change {
  /** For a person, one for each thing that changed: "contracts/shop/shop.orders.binpb changed". At most 20. */
  readonly causes: readonly string[];
  /** Parts that are new or different. */
  readonly set: ReadonlyMap<string, Part>;
  readonly removed: readonly string[];
  /** Nothing but replicas came, went or changed their readiness. */
  readonly endpointsOnly: boolean;
}

const maxCauses = 20;

/** Compares the parts of two revisions; undefined when they say the same. */
export function changeBetween(before: Parts | undefined, after: Parts): Change | undefined {
  const set = new Map<string, Part>();
  for (const [key, part] of after) if (!samePart(before?.get(key), part)) set.set(key, part);
  const removed = [...(before?.keys() ?? [])].filter((key) => !after.has(key));
  if (set.size === 0 && removed.length === 0) return undefined;
  if (before === undefined) {
    return { causes: ['the first configuration'], set, removed, endpointsOnly: false };
  }
  const causes = new Set<string>();
  for (const [key, part] of set) causes.add(causeOf(key, before.get(key), part, before));
  for (const key of removed) {
    const part = before.get(key);
    // The new content of a contract file says it already.
    if (part) causes.add(goneCause(key, part, after, set));
  }
  const named = [...causes].filter((cause) => cause !== '');
  return {
    causes: named.length <= maxCauses ? named : [...named.slice(0, maxCauses), `${named.length - maxCauses} more`],
    set,
    removed,
    endpointsOnly:
      [...set].every(([key, part]) => isEndpointPart(before.get(key), part)) &&
      removed.every((key) => before.get(key)?.is === 'workload'),
  };
}

function causeOf(key: string, before: Part | undefined, part: Part, all: Parts): string {
  switch (part.is) {
    case 'settings':
      return "the mesh's settings changed";
    case 'contract': {
      const { origin } = part.value;
      const known = [...all.values()].some((other) => other.is === 'contract' && other.value.origin === origin);
      return `${origin} ${known ? 'changed' : 'added'}`;
    }
    case 'workload':
      return `${key} ${workloadCause(before?.is === 'workload' ? before.value : undefined, part.value)}`;
    default:
      return `${placeOf(key, part)} ${before ? 'changed' : 'added'}`;
  }
}

function workloadCause(before: Workload | undefined, after: Workload): string {
  if (before === undefined) return after.ready ? 'added, ready' : 'added';
  if (before.contractHash !== after.contractHash) return `runs contract ${after.contractHash ?? 'none'}`;
  if (before.ready !== after.ready) {
    return after.ready ? 'ready' : `not ready${after.reason ? `: ${after.reason}` : ''}`;
  }
  return 'changed';
}

function goneCause(key: string, part: Part, after: Parts, set: ReadonlyMap<string, Part>): string {
  if (part.is === 'settings' || part.is === 'workload') return `${key} gone`;
  if (part.is !== 'contract') return `${placeOf(key, part)} removed`;
  const { origin, hash } = part.value;
  const sameFile = (other: Part) => other.is === 'contract' && other.value.origin === origin;
  if ([...set.values()].some(sameFile)) return '';
  return [...after.values()].some(sameFile)
    ? `the last replica of version ${hash} gone (${origin})`
    : `${origin} removed`;
}

/** Where a part was read, and what it is; only the latter of those that do not say. */
function placeOf(key: string, { value }: Part): string {
  return 'origin' in value && value.origin !== undefined ? `${value.origin} (${key})` : key;
}

function isEndpointPart(before: Part | undefined, after: Part): boolean {
  return after.is === 'workload' && isEndpointChange(before?.is === 'workload' ? before.value : undefined, after.value);
}
