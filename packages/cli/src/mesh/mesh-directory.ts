import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { writeFileAtomically } from '../atomic-file.ts';
import { isNoSpace } from '../system-error.ts';
import { type WorkloadManifest, workloadYaml } from './manifests.ts';

/** The user's own folder in it, which Weft never changes. */
const userPart = 'user';

/** The interval between checks for free disk space. */
const tryAgainMs = 1_000;

/** The directory of manifests and contracts that the control plane watches. */
export class MeshDirectory {
  readonly path: string;
  readonly #written = new Map<string, string>();
  /** What could not be written to the full disk. */
  readonly #waiting = new Map<string, string>();
  readonly #onFull: () => void;
  #timer: NodeJS.Timeout | undefined;

  /**
   * Takes over `path` and removes what an earlier run left there, except `user/`. `onFull` is called once when the disk is full; later
   * writes are completed as soon as there is space.
   */
  constructor(path: string, onFull: () => void = () => {}) {
    this.path = path;
    this.#onFull = onFull;
    mkdirSync(path, { recursive: true });
    for (const entry of readdirSync(path)) {
      if (entry !== userPart) rmSync(join(path, entry), { recursive: true, force: true });
    }
    mkdirSync(join(path, userPart), { recursive: true });
    mkdirSync(join(path, 'workloads'), { recursive: true });
    mkdirSync(join(path, 'services'), { recursive: true });
  }

  /** Writes a manifest unless it already has this content, because each write makes the control plane read it again. */
  write(file: string, content: string): void {
    this.#waiting.delete(file);
    if (this.#written.get(file) === content) return;
    try {
      writeFileAtomically(join(this.path, file), content);
      this.#written.set(file, content);
    } catch (error) {
      if (!isNoSpace(error)) throw error;
      this.#waiting.set(file, content);
      this.#tryAgainLater();
    }
  }

  /** Whether the disk is full and a write is waiting for space. */
  get full(): boolean {
    return this.#waiting.size > 0;
  }

  #tryAgainLater(): void {
    if (this.#timer) return;
    this.#onFull();
    this.#timer = setInterval(() => {
      // Iterate over a copy: what does not fit yet is put back.
      for (const [file, content] of [...this.#waiting]) this.write(file, content);
      if (this.#waiting.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    }, tryAgainMs);
    this.#timer.unref();
  }

  /** Publishes the state of a replica. */
  writeWorkload(workload: WorkloadManifest): void {
    this.write(workloadFile(workload), workloadYaml(workload));
  }

  /** Removes a replica from the mesh. */
  removeWorkload(workload: Pick<WorkloadManifest, 'namespace' | 'name'>): void {
    this.remove(workloadFile(workload));
  }

  /** Removes a manifest. */
  remove(file: string): void {
    this.#written.delete(file);
    this.#waiting.delete(file);
    rmSync(join(this.path, file), { force: true });
  }

  /** Removes every contract except these. */
  keepContracts(contracts: readonly { readonly namespace: string; readonly hash: string }[]): void {
    const kept = new Set(contracts.map(({ namespace, hash }) => contractFile(namespace, hash)));
    for (const file of globSync('contracts/*/*.binpb', { cwd: this.path })) {
      if (!kept.has(file)) this.remove(file);
    }
  }

  /** Publishes the descriptor set in `file` for a namespace and returns its hash; undefined if there is no such file. */
  publishContract(namespace: string, file: string): string | undefined {
    if (!existsSync(file)) return undefined;
    const descriptorSet = readFileSync(file);
    const hash = contractHash(descriptorSet);
    const path = join(this.path, contractFile(namespace, hash));
    mkdirSync(dirname(path), { recursive: true });
    if (!existsSync(path)) writeFileAtomically(path, descriptorSet);
    return hash;
  }
}

function workloadFile({ namespace, name }: Pick<WorkloadManifest, 'namespace' | 'name'>): string {
  return `workloads/${namespace}.${name}.yaml`;
}

function contractFile(namespace: string, hash: string): string {
  return `contracts/${namespace}/${hash}.binpb`;
}
