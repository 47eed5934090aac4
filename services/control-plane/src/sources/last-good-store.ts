import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContractFact } from '@weft/compiler/facts/facts';
import type { Manifest } from '@weft/compiler/mesh-directory/manifest';
import type { LastGood } from '@weft/compiler/mesh-directory/mesh-files';
import { replaceFile } from '../state/replace-file.ts';

interface Index {
  readonly format: 1;
  /** Path to SHA-256 of a Manifest in JSON. */
  readonly manifests: Readonly<Record<string, string>>;
  readonly contracts: readonly ContractEntry[];
  readonly superseded: readonly ContractEntry[];
}

interface ContractEntry {
  readonly namespace: string;
  readonly hash: string;
  readonly origin: string;
  readonly sha256: string;
}

/**
 * Keeps last good forms on disk: `objects/<sha256>` holds contents, `index.json` says what they are. Every file is written
 * beside its place and renamed, so a crash leaves the old index or the new one. Nobody else writes there.
 */
export class LastGoodStore {
  readonly #directory: string;
  /** What is in `objects` and whole. */
  readonly #written = new Set<string>();
  /** What else an earlier process left there was removed. */
  #swept = false;
  /** The hashes of forms that were saved: a form never changes, and most stay the same from one save to the next. */
  readonly #digests = new WeakMap<object, string>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** What was kept; nothing when there is none, or when it cannot be read (the mesh's own files are the truth). */
  async load(): Promise<LastGood> {
    const manifests = new Map<string, Manifest>();
    const contracts = new Map<string, ContractFact>();
    const superseded: ContractFact[] = [];
    try {
      const index: Index = JSON.parse(await readFile(join(this.#directory, 'index.json'), 'utf8'));
      if (index.format !== 1) return { manifests, contracts, superseded };
      for (const [path, sha256] of Object.entries(index.manifests)) {
        const bytes = await this.#object(sha256);
        if (bytes !== undefined) manifests.set(path, JSON.parse(bytes.toString('utf8')));
      }
      for (const entry of index.contracts) {
        const contract = await this.#contract(entry);
        if (contract !== undefined) contracts.set(entry.origin, contract);
      }
      for (const entry of index.superseded) {
        const contract = await this.#contract(entry);
        if (contract !== undefined) superseded.push(contract);
      }
    } catch {
      // No index, or one of another format or half a disk: start without.
    }
    return { manifests, contracts, superseded };
  }

  /** Keeps `lastGood` in place of what was kept before. Rejects when the disk does; what was kept before then stays. */
  async save(lastGood: LastGood): Promise<void> {
    const folder = join(this.#directory, 'objects');
    if (!this.#swept) await mkdir(folder, { recursive: true, mode: 0o700 });
    const fresh = new Map<string, Uint8Array>();
    const wanted = new Set<string>();
    const add = (form: object, encode: () => Uint8Array): string => {
      let sha256 = this.#digests.get(form);
      if (sha256 === undefined || !this.#written.has(sha256)) {
        const bytes = encode();
        sha256 = digest(bytes);
        this.#digests.set(form, sha256);
        fresh.set(sha256, bytes);
      }
      wanted.add(sha256);
      return sha256;
    };
    const entry = (contract: ContractFact): ContractEntry => {
      const { namespace, hash, origin, descriptorSet } = contract;
      return { namespace, hash, origin, sha256: add(contract, () => descriptorSet) };
    };
    const manifests: Record<string, string> = {};
    for (const [path, manifest] of lastGood.manifests) {
      manifests[path] = add(manifest, () => Buffer.from(JSON.stringify({ ...manifest, problems: [] })));
    }
    const index: Index = {
      format: 1,
      manifests,
      contracts: [...lastGood.contracts.values()].map(entry),
      superseded: lastGood.superseded.map(entry),
    };
    for (const [sha256, bytes] of fresh) {
      if (this.#written.has(sha256)) continue;
      await replaceFile(join(folder, sha256), bytes, 0o600);
      this.#written.add(sha256);
    }
    await replaceFile(join(this.#directory, 'index.json'), JSON.stringify(index), 0o600);
    for (const name of this.#swept ? [...this.#written] : await readdir(folder)) {
      if (wanted.has(name)) continue;
      this.#written.delete(name);
      await unlink(join(folder, name)).catch(() => undefined);
    }
    this.#swept = true;
  }

  async #object(sha256: string): Promise<Buffer | undefined> {
    const bytes = await readFile(join(this.#directory, 'objects', sha256)).catch(() => undefined);
    if (bytes === undefined || digest(bytes) !== sha256) return undefined;
    this.#written.add(sha256);
    return bytes;
  }

  async #contract({ namespace, hash, origin, sha256 }: ContractEntry): Promise<ContractFact | undefined> {
    const descriptorSet = await this.#object(sha256);
    return descriptorSet && { namespace, hash, origin, descriptorSet };
  }
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
