import { retained } from '../contracts/retained-contracts.ts';
import { parseDirectory } from '../mesh-directory/parse-directory.ts';
import type { Problem } from '../model/problem.ts';
import { assemble } from '../translation/assemble.ts';
import { diffMeshes } from './diff-meshes.ts';
import type { MeshDiff } from './mesh-diff.ts';
import { meshOfContracts } from './mesh-of-contracts.ts';

/** One side of a comparison: the files of a mesh directory by relative path, or a descriptor set of contracts with its imports. */
export type DiffSide = { readonly files: ReadonlyMap<string, Uint8Array> } | { readonly descriptorSet: Uint8Array };

/** What changes, and what of the new side has no effect because it was not understood. */
export interface DiffResult {
  readonly diff: MeshDiff;
  readonly problems: readonly Problem[];
}

/**
 * Compares two states of a mesh directory or two trees of contracts, as a running mesh would go from one to the other: what the new
 * side breaks keeps its old form. Pure; `nowMs` (milliseconds since the epoch) decides which overrides hold. Throws when a
 * descriptor set is none, and a TypeError when the sides are of different kinds.
 */
export function diff(before: DiffSide, after: DiffSide, nowMs: number): DiffResult {
  if ('files' in before && 'files' in after) {
    const facts = parseDirectory(before.files);
    const old = assemble(facts, nowMs);
    const fresh = assemble(retained(facts, parseDirectory(after.files)), nowMs);
    return { diff: diffMeshes(old, fresh), problems: fresh.problems };
  }
  if ('files' in before || 'files' in after) {
    throw new TypeError('a mesh directory and a tree of contracts cannot be compared');
  }
  const old = meshOfContracts(before.descriptorSet);
  const fresh = meshOfContracts(after.descriptorSet, old);
  return { diff: diffMeshes(old, fresh), problems: fresh.problems };
}
