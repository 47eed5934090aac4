import { isDeepStrictEqual } from 'node:util';
import type { Change, Turn } from '@weft/collections';
import type { FactCollections } from '@weft/compiler/facts/fact-collections';
import type { ContractFact } from '@weft/compiler/facts/facts';
import { type NamedPart, type Part, type Parts, partMakers } from './parts.ts';

/** What became of one part. Absent: it was not there, or is not there any more. */
export interface PartChange {
  readonly before?: Part;
  readonly after?: Part;
}

/** What became of parts, by their names: only of those that are others now. */
export type PartChanges = ReadonlyMap<string, PartChange>;

/** What a turn did to the facts. */
export interface FactChanges {
  readonly parts: PartChanges;
  /** Contracts that are new, with their descriptor sets. */
  readonly contracts: readonly ContractFact[];
}

/** What a turn did to facts. Costs what changed. */
export function factChanges(turn: Pick<Turn, 'changed'>, facts: Omit<FactCollections, 'problems'>): FactChanges {
  const parts = new Map<string, PartChange>();
  const collect = <V>(changes: ReadonlyMap<string, Change<V>>, make: (value: V) => NamedPart | undefined) => {
    for (const { before, after } of changes.values()) {
      const [old, fresh] = [before && make(before), after && make(after)];
      if (old) parts.set(old[0], { before: old[1] });
      if (fresh) parts.set(fresh[0], { ...parts.get(fresh[0]), after: fresh[1] });
    }
  };
  collect(turn.changed(facts.settings), partMakers.settings);
  collect(turn.changed(facts.services), partMakers.services);
  collect(turn.changed(facts.workloads), partMakers.workloads);
  collect(turn.changed(facts.gateways), partMakers.gateways);
  collect(turn.changed(facts.externalServices), partMakers.externalServices);
  collect(turn.changed(facts.resources), partMakers.resources);
  const contracts = turn.changed(facts.contracts);
  collect(contracts, partMakers.contracts);
  return { parts, contracts: [...contracts.values()].flatMap(({ after }) => after ?? []) };
}

/** Adds changes that came after `parts`, so that both are one. What was set back is no change. */
export function joinChanges(parts: Map<string, PartChange>, then: PartChanges): void {
  for (const [name, { before, after }] of then) {
    const earlier = parts.get(name);
    setChange(parts, name, changeOf(earlier ? earlier.before : before, after));
  }
}

/** What made `after` out of `before`. */
export function changesBetween(before: Parts, after: Parts): PartChanges {
  const changes = new Map<string, PartChange>();
  for (const [name, part] of after) setChange(changes, name, changeOf(before.get(name), part));
  for (const [name, part] of before) if (!after.has(name)) changes.set(name, { before: part });
  return changes;
}

function changeOf(before: Part | undefined, after: Part | undefined): PartChange {
  return { ...(before && { before }), ...(after && { after }) };
}

function setChange(changes: Map<string, PartChange>, name: string, change: PartChange): void {
  if (isDeepStrictEqual(change.before?.value, change.after?.value)) changes.delete(name);
  else changes.set(name, change);
}
