import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { writeFileAtomically } from '../atomic-file.ts';
import { type WorkloadManifest, workloadYaml } from './manifests.ts';

/** The part of a user in it, which is never touched. */
const userPart = 'user';

/** The directory of manifests and contracts that the control plane watches. */
export class MeshDirectory {
  readonly path: string;
  readonly #written = new Map<string, string>();

  /** Takes over `path`: what an earlier run left there is removed, but for `user/`. */
  constructor(path: string) {
    this.path = path;
    mkdirSync(path, { recursive: true });
    for (const entry of readdirSync(path)) {
      if (entry !== userPart) rmSync(join(path, entry), { recursive: true, force: true });
    }
    mkdirSync(join(path, userPart), { recursive: true });
    mkdirSync(join(path, 'workloads'), { recursive: true });
    mkdirSync(join(path, 'services'), { recursive: true });
  }

  /** Writes a manifest, unless it is there with the same content: each write makes the control plane read again. */
  write(file: string, content: string): void {
    if (this.#written.get(file) === content) return;
    writeFileAtomically(join(this.path, file), content);
    this.#written.set(file, content);
  }

  /** Publishes the state of a replica. */
  writeWorkload(workload: WorkloadManifest): void {
    this.write(workloadFile(workload), workloadYaml(workload));
  }

  /** Takes a replica out of the mesh. */
  removeWorkload(workload: Pick<WorkloadManifest, 'namespace' | 'name'>): void {
    this.remove(workloadFile(workload));
  }

  /** Takes a manifest out. */
  remove(file: string): void {
    this.#written.delete(file);
    rmSync(join(this.path, file), { force: true });
  }

  /** Takes out every contract but these. */
  keepContracts(contracts: readonly { readonly namespace: string; readonly hash: string }[]): void {
    const kept = new Set(contracts.map(({ namespace, hash }) => contractFile(namespace, hash)));
    for (const file of globSync('contracts/*/*.binpb', { cwd: this.path })) {
      if (!kept.has(file)) this.remove(file);
    }
  }

  /** Publishes the descriptor set in `file` for a namespace and returns its hash; undefined when there is no such file. */
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
