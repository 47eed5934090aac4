import { parseContractFile } from '../facts/contract-file.ts';
import type { ContractFact, Facts } from '../facts/facts.ts';
import { gather } from '../facts/gather.ts';
import { shareFacts } from '../facts/share-facts.ts';
import type { Problem } from '../model/problem.ts';
import { keepLastGood, stillServing } from './last-good.ts';
import { type Manifest, parseManifest } from './manifest.ts';
import { fileKind } from './parse-directory.ts';

/** What must outlive a restart, so that a file which is broken then still has its last good form. */
export interface LastGood {
  /** By path. */
  readonly manifests: ReadonlyMap<string, Manifest>;
  /** By path. */
  readonly contracts: ReadonlyMap<string, ContractFact>;
  /** Contract versions that are no longer in the directory but that a replica still runs. */
  readonly superseded: readonly ContractFact[];
}

/**
 * The files of a mesh directory as they come and go, each with its last good form. No I/O.
 *
 * A contract version stays known after its file was replaced or removed for as long as a replica names its hash: its policy is
 * that replica's inbound policy until the replica is gone. The last version that was understood stays, too, for as long as its
 * file holds one that is not.
 */
export class MeshFiles {
  readonly #manifests: Map<string, Manifest>;
  readonly #contracts: Map<string, ContractFact>;
  #superseded: ContractFact[];
  readonly #problems = new Map<string, Problem>();
  readonly #accepts: (contract: ContractFact) => boolean;
  /** Whether a contract is understood, by hash. */
  readonly #accepted = new Map<string, boolean>();
  #facts: Facts | undefined;
  #changed = false;

  /**
   * Begins with what was good before a restart: it counts until its files are found changed or gone. `accepts` says whether a
   * contract that can be read is also understood; while one is not, the last that was stays beside it.
   */
  constructor(remembered?: LastGood, accepts: (contract: ContractFact) => boolean = () => true) {
    this.#accepts = accepts;
    this.#manifests = new Map(remembered?.manifests);
    this.#contracts = new Map(remembered?.contracts);
    this.#superseded = [...(remembered?.superseded ?? [])];
  }

  /** Paths of all files that are known. */
  paths(): Iterable<string> {
    return new Set([...this.#manifests.keys(), ...this.#contracts.keys(), ...this.#problems.keys()]);
  }

  /** Takes a file's content. */
  put(path: string, bytes: Uint8Array): void {
    this.#changed = true;
    const kind = fileKind(path);
    this.#problems.delete(path);
    if (kind === 'manifest') {
      const previous = this.#manifests.get(path);
      this.#manifests.set(path, keepLastGood(previous, parseManifest(path, bytes)));
    } else if (kind === 'contract') {
      const previous = this.#contracts.get(path);
      const outcome = parseContractFile(path, bytes);
      if ('contract' in outcome) {
        if (previous?.hash === outcome.contract.hash) {
          this.#contracts.set(path, previous);
        } else {
          if (previous !== undefined) this.#superseded.push(previous);
          this.#contracts.set(path, outcome.contract);
        }
      } else {
        this.#keepContract(path, previous, outcome.problem);
      }
    }
  }

  /** Takes note that a file is there but cannot be read. Its last good form stays. */
  fail(path: string, message: string): void {
    this.#changed = true;
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
    this.#changed = true;
    const contract = this.#contracts.get(path);
    if (contract !== undefined) this.#superseded.push(contract);
    this.#manifests.delete(path);
    this.#contracts.delete(path);
    this.#problems.delete(path);
  }

  /** What the files say together. The same object as before when nothing changed. */
  facts(): Facts {
    if (this.#facts !== undefined && !this.#changed) return this.#facts;
    this.#changed = false;
    const next = gather([...this.#manifests.values()], [...this.#contracts.values()], [...this.#problems.values()]);
    if (this.#superseded.length > 0) this.#superseded = this.#stillNeeded(next);
    this.#facts = shareFacts(this.#facts, { ...next, contracts: [...next.contracts, ...this.#superseded] });
    return this.#facts;
  }

  /** What should be written down for the next start. */
  lastGood(): LastGood {
    return { manifests: this.#manifests, contracts: this.#contracts, superseded: this.#superseded };
  }

  /** Of the contracts whose files are gone or hold something else, those that `next` still needs. */
  #stillNeeded(next: Facts): ContractFact[] {
    const known = new Set(next.contracts.map((contract) => `${contract.namespace}/${contract.hash}`));
    const running = new Set(next.workloads.map((workload) => `${workload.namespace}/${workload.contractHash}`));
    const still = new Map<string, ContractFact>();
    const lastGood = new Map<string, [string, ContractFact]>();
    for (const contract of this.#superseded) {
      const key = `${contract.namespace}/${contract.hash}`;
      if (known.has(key)) continue;
      if (running.has(key)) still.set(key, contract);
      const inItsPlace = this.#contracts.get(contract.origin);
      const isLastGood = inItsPlace !== undefined && !this.#isAccepted(inItsPlace) && this.#isAccepted(contract);
      if (isLastGood) lastGood.set(contract.origin, [key, contract]);
    }
    // Of several earlier versions of one file the latest.
    for (const [key, contract] of lastGood.values()) still.set(key, contract);
    return [...still.values()];
  }

  #isAccepted(contract: ContractFact): boolean {
    const known = this.#accepted.get(contract.hash) ?? this.#accepts(contract);
    this.#accepted.set(contract.hash, known);
    return known;
  }

  #keepContract(path: string, previous: ContractFact | undefined, problem: Problem): void {
    if (previous !== undefined) this.#contracts.set(path, previous);
    this.#problems.set(path, previous === undefined ? problem : stillServing(problem));
  }
}
