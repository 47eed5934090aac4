import type { Graph, Source } from '@weft/collections';
import { placeOf, type RetainedContracts, retainContracts } from '../contracts/retained-contracts.ts';
import type { FactCollections } from '../facts/fact-collections.ts';
import type { ContractFact } from '../facts/facts.ts';
import type { Problem } from '../model/problem.ts';
import { parseContractFile } from './contract-file.ts';
import { documentFacts, type Reading } from './document-facts.ts';
import { keepLastGood, stillServing } from './last-good.ts';
import { type Manifest, parseManifest } from './manifest.ts';
import { fileKind } from './parse-directory.ts';

/** What must outlive a restart, so that a file which is broken then still has its last good form. */
export interface LastGood {
  /** By path. */
  readonly manifests: ReadonlyMap<string, Manifest>;
  /** By path. */
  readonly contracts: ReadonlyMap<string, ContractFact>;
  /** Contract versions that are no longer in the directory and stay all the same (`retainContracts`). */
  readonly superseded: readonly ContractFact[];
}

/** The files of a mesh directory as they come and go, each with its last good form, and the facts that they make. No I/O. */
export class MeshFiles {
  /** What the files say together, once `tell` has told it. */
  readonly facts: FactCollections;
  readonly #readings: Source<Reading>;
  readonly #retained: RetainedContracts;
  readonly #restored: Source<readonly ContractFact[]>;
  readonly #manifests = new Map<string, Manifest>();
  readonly #contracts = new Map<string, ContractFact>();
  readonly #problems = new Map<string, Problem>();
  /** Contracts of before a restart that are still to be told. */
  #remembered: readonly ContractFact[] | undefined;
  /** Paths of which there is something to tell. */
  #changed = new Set<string>();

  constructor(graph: Graph) {
    this.#readings = graph.source('files');
    this.#restored = graph.source('restored contracts');
    const { found, ...facts } = documentFacts(graph, this.#readings);
    this.#retained = retainContracts(graph, found, facts.workloads, this.#restored);
    this.facts = { ...facts, contracts: this.#retained.contracts };
  }

  /** Begins with what was good before a restart: it counts until its files are found changed or gone. */
  restore({ manifests, contracts, superseded }: LastGood): void {
    for (const [path, manifest] of manifests) this.#manifests.set(path, manifest);
    for (const [path, contract] of contracts) this.#contracts.set(path, contract);
    for (const path of this.paths()) this.#changed.add(path);
    this.#remembered = [...superseded, ...contracts.values()];
  }

  /** Paths of all files that are known. */
  paths(): Iterable<string> {
    return new Set([...this.#manifests.keys(), ...this.#contracts.keys(), ...this.#problems.keys()]);
  }

  /** Takes a file's content. */
  put(path: string, bytes: Uint8Array): void {
    this.#changed.add(path);
    const kind = fileKind(path);
    this.#problems.delete(path);
    if (kind === 'manifest') {
      const previous = this.#manifests.get(path);
      this.#manifests.set(path, keepLastGood(previous, parseManifest(path, bytes)));
    } else if (kind === 'contract') {
      const previous = this.#contracts.get(path);
      const outcome = parseContractFile(path, bytes);
      if ('problem' in outcome) this.#keepContract(path, previous, outcome.problem);
      else if (previous?.hash !== outcome.contract.hash) this.#contracts.set(path, outcome.contract);
    }
  }

  /** Takes note that a file is there but cannot be read. Its last good form stays. */
  fail(path: string, message: string): void {
    this.#changed.add(path);
    const problem: Problem = { resource: path, message, advice: 'a file that the control plane may read' };
    if (fileKind(path) === 'contract') {
      this.#keepContract(path, this.#contracts.get(path), problem);
      return;
    }
    const previous = this.#manifests.get(path);
    if (previous !== undefined) this.#manifests.set(path, { ...previous, problems: [] });
    this.#problems.set(path, previous === undefined ? problem : stillServing(problem));
  }

  /** Takes note that a file is gone, with what it said. */
  remove(path: string): void {
    this.#changed.add(path);
    this.#manifests.delete(path);
    this.#contracts.delete(path);
    this.#problems.delete(path);
  }

  /** Tells what has changed since the last time. Within a turn. */
  tell(): void {
    const changed = this.#changed;
    this.#changed = new Set();
    if (this.#remembered) this.#restored.replace(Map.groupBy(this.#remembered, placeOf));
    this.#remembered = undefined;
    for (const path of changed) {
      const reading = this.#reading(path);
      if (reading === undefined) this.#readings.delete(path);
      else this.#readings.set(path, reading);
    }
  }

  /** What should be written down for the next start. */
  lastGood(): LastGood {
    return { manifests: this.#manifests, contracts: this.#contracts, superseded: this.#retained.superseded() };
  }

  #reading(path: string): Reading | undefined {
    const manifest = this.#manifests.get(path);
    const contract = this.#contracts.get(path);
    const problem = this.#problems.get(path);
    if (manifest === undefined && contract === undefined && problem === undefined) return undefined;
    return {
      origin: path,
      objects: manifest?.objects ?? [],
      ...(contract === undefined ? {} : { contract }),
      problems: [...(manifest?.problems ?? []), ...(problem === undefined ? [] : [problem])],
    };
  }

  #keepContract(path: string, previous: ContractFact | undefined, problem: Problem): void {
    if (previous !== undefined) this.#contracts.set(path, previous);
    this.#problems.set(path, previous === undefined ? problem : stillServing(problem));
  }
}
