import { parseContractFile } from '../facts/contract-file.ts';
import type { ContractFact, Facts } from '../facts/facts.ts';
import { gather } from '../facts/gather.ts';
import type { Problem } from '../model/problem.ts';
import { type Manifest, parseManifest } from './manifest.ts';

/** What a file of a mesh directory is, by its path relative to the directory; undefined: none of the mesh's. */
export function fileKind(path: string): 'manifest' | 'contract' | undefined {
  // Editors and atomic writers leave hidden and temporary files beside the real ones.
  if (path.split('/').some((part) => part.startsWith('.'))) return undefined;
  if (/\.ya?ml$/.test(path)) return 'manifest';
  if (path.startsWith('contracts/') && path.endsWith('.binpb')) return 'contract';
  return undefined;
}

/**
 * Reads a mesh directory from its files, by path relative to it ("mesh.yaml", "contracts/shop/shop.orders.binpb").
 *
 * Pure. One bad document stops nothing: it is named in `problems` with its file, line and field, and all others count.
 */
export function parseDirectory(files: ReadonlyMap<string, Uint8Array>): Facts {
  const manifests: Manifest[] = [];
  const contracts: ContractFact[] = [];
  const problems: Problem[] = [];
  for (const [path, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const kind = fileKind(path);
    if (kind === 'manifest') manifests.push(parseManifest(path, bytes));
    if (kind === 'contract') {
      const outcome = parseContractFile(path, bytes);
      if ('contract' in outcome) contracts.push(outcome.contract);
      else problems.push(outcome.problem);
    }
  }
  return gather(manifests, contracts, problems);
}
