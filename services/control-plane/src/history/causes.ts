import type { Workload } from '@weft/compiler/model/workload';
import type { PartChange, PartChanges } from './part-changes.ts';
import type { Part } from './parts.ts';

const maxCauses = 20;

/** How many contract versions were read from each file, before the changes. */
export type ContractFiles = ReadonlyMap<string, number>;

/** What a person is told of changes, a line each: "contracts/shop/shop.orders.binpb changed". At most 20, then how many more. */
export function causesOf(changes: PartChanges, files: ContractFiles): readonly string[] {
  const contracts = contractChanges(changes);
  const causes = new Set<string>();
  for (const [name, { before, after }] of changes) if (after) causes.add(causeOf(name, before, after, files));
  for (const [name, { before, after }] of changes) {
    if (before === undefined || after !== undefined) continue;
    const cause = goneCause(name, before, files, contracts);
    if (cause !== undefined) causes.add(cause);
  }
  const named = [...causes];
  return named.length <= maxCauses ? named : [...named.slice(0, maxCauses), `${named.length - maxCauses} more`];
}

/** Counts the contract versions of each file anew, after changes. */
export function countContractFiles(files: Map<string, number>, changes: PartChanges): void {
  for (const [origin, { added, removed }] of contractChanges(changes)) {
    const count = (files.get(origin) ?? 0) + added - removed;
    if (count > 0) files.set(origin, count);
    else files.delete(origin);
  }
}

type ContractChanges = ReadonlyMap<string, { readonly added: number; readonly removed: number }>;

/** How many contract versions came and went, by file. */
function contractChanges(changes: PartChanges): ContractChanges {
  const counts = new Map<string, { added: number; removed: number }>();
  const count = (part: Part | undefined, what: 'added' | 'removed') => {
    if (part?.is !== 'contract') return;
    const { origin } = part.value;
    const known = counts.get(origin) ?? { added: 0, removed: 0 };
    known[what]++;
    counts.set(origin, known);
  };
  for (const { before, after } of changes.values()) {
    count(before, 'removed');
    count(after, 'added');
  }
  return counts;
}

function causeOf(name: string, before: PartChange['before'], after: Part, files: ContractFiles): string {
  switch (after.is) {
    case 'settings':
      return "the mesh's settings changed";
    case 'contract':
      return `${after.value.origin} ${files.has(after.value.origin) ? 'changed' : 'added'}`;
    case 'workload':
      return `${name} ${workloadCause(before?.is === 'workload' ? before.value : undefined, after.value)}`;
    default:
      return `${placeOf(name, after)} ${before ? 'changed' : 'added'}`;
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

/** Undefined: the new content of a contract file says it already. */
function goneCause(name: string, part: Part, files: ContractFiles, contracts: ContractChanges): string | undefined {
  if (part.is === 'settings' || part.is === 'workload') return `${name} gone`;
  if (part.is !== 'contract') return `${placeOf(name, part)} removed`;
  const { origin, hash } = part.value;
  const { added = 0, removed = 0 } = contracts.get(origin) ?? {};
  if (added > 0) return undefined;
  return (files.get(origin) ?? 0) > removed
    ? `the last replica of version ${hash} gone (${origin})`
    : `${origin} removed`;
}

/** Where a part was read, and its name; the name alone where the part does not say. */
function placeOf(name: string, { value }: Part): string {
  return 'origin' in value && value.origin !== undefined ? `${value.origin} (${name})` : name;
}
