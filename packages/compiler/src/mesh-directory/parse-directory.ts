import { Graph } from '@weft/collections';
import { retainContracts } from '../contracts/retained-contracts.ts';
import { wholeFacts } from '../facts/fact-collections.ts';
import type { Facts } from '../facts/facts.ts';
import { parseContractFile } from './contract-file.ts';
import { documentFacts, type Reading } from './document-facts.ts';
import { parseManifest } from './manifest.ts';

/** What a file of a mesh directory is, by its path relative to the directory; undefined: none of the mesh's. */
export function fileKind(path: string): 'manifest' | 'contract' | undefined {
  // Editors and atomic writers leave hidden and temporary files beside the real ones.
  if (path.split('/').some((part) => part.startsWith('.'))) return undefined;
  if (/\.ya?ml$/.test(path)) return 'manifest';
  if (path.startsWith('contracts/') && path.endsWith('.binpb')) return 'contract';
  return undefined;
}

/**
 * Reads a mesh directory from its files, by path relative to it ("mesh.yaml", "contracts/bakery/bakery.orders.binpb").
 *
 * Pure. One bad document stops nothing: it is named in `problems` with its file, line and field, and all others count.
 */
export function parseDirectory(files: ReadonlyMap<string, Uint8Array>): Facts {
  const graph = new Graph();
  const readings = graph.source<Reading>('files');
  const { found, ...facts } = documentFacts(graph, readings);
  const { contracts } = retainContracts(graph, found, facts.workloads);
  graph.turn(() => {
    for (const [path, bytes] of files) {
      const reading = readFile(path, bytes);
      if (reading) readings.set(path, reading);
    }
  });
  return wholeFacts({ ...facts, contracts });
}

/** What a file says; undefined when it is none of the mesh's. */
export function readFile(path: string, bytes: Uint8Array): Reading | undefined {
  const kind = fileKind(path);
  if (kind === undefined) return undefined;
  if (kind === 'manifest') {
    const { objects, problems } = parseManifest(path, bytes);
    return { origin: path, objects, problems };
  }
  const outcome = parseContractFile(path, bytes);
  return 'contract' in outcome
    ? { origin: path, objects: [], contract: outcome.contract, problems: [] }
    : { origin: path, objects: [], problems: [outcome.problem] };
}
