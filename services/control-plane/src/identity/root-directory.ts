import { createPrivateKey } from 'node:crypto';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, replaceFile } from '../state/replace-file.ts';
import {
  type AuthorityPem,
  bundleOf,
  makeRoot,
  type RootAuthority,
  RootAuthorityError,
  readAuthority,
  rootCertificate,
} from './root-authority.ts';
import { rootFiles } from './root-files.ts';
import { type RootState, rootStateSchema } from './root-state.ts';

/** Keeps the state of the roots. */
export interface RootStore {
  /** Undefined: there has never been a root. Rejects when there is one that cannot be read. */
  load(): Promise<RootState | undefined>;
  /** After a crash at any moment `load` gives the old state or the new one. */
  save(state: RootState): Promise<void>;
}

/**
 * The roots in a directory: root.key (mode 0600) and root.pem, chain.pem for an authority that is no root itself, and what
 * Envoy reads, ca-sds.yaml. While a rotation is under way rotation.json (0600) says all, and root.pem has both roots.
 */
export class RootDirectory implements RootStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async load(): Promise<RootState | undefined> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const state = (await this.#rotation()) ?? (await this.#steady());
    if (state === undefined) return undefined;
    // What cannot be used is left as it is, for whoever restores it.
    readAuthority(state.current, this.#directory, 0);
    // A crash may have come between the state and the files that follow from it.
    await this.#write(state);
    return state;
  }

  async save(state: RootState): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const path = this.#path('rotation.json');
    // From here on it says all, until the other files say the same.
    if (state.phase !== 'steady' || (await readIfThere(path)) !== undefined) {
      await replaceFile(path, JSON.stringify(state), 0o600);
    }
    await this.#write(state);
  }

  async #write(state: RootState): Promise<void> {
    const { key, chain, roots } = state.current;
    if (state.phase === 'steady') {
      await this.#put('root.key', key, 0o600);
      if (chain === roots) await rm(this.#path('chain.pem'), { force: true });
      else await this.#put('chain.pem', chain, 0o644);
    }
    const bundle = state.phase === 'steady' ? bundleOf(roots) : bundleOf(roots, state.next.roots);
    for (const [name, content] of Object.entries(rootFiles(bundle))) await this.#put(name, content, 0o644);
    if (state.phase === 'steady') await rm(this.#path('rotation.json'), { force: true });
  }

  /** An equal file is left alone: proxies watch the directory. */
  async #put(name: string, content: string, mode: number): Promise<void> {
    const path = this.#path(name);
    if ((await readIfThere(path)) !== content) await replaceFile(path, content, mode);
    else await chmod(path, mode);
  }

  async #rotation(): Promise<RootState | undefined> {
    const path = this.#path('rotation.json');
    const text = await readIfThere(path);
    if (text === undefined) return undefined;
    try {
      return rootStateSchema.parse(JSON.parse(text));
    } catch {
      throw new RootAuthorityError(`${path} cannot be read: restore it, root.key and root.pem from one backup`);
    }
  }

  async #steady(): Promise<RootState | undefined> {
    const key = await readIfThere(this.#path('root.key'));
    const roots = await readIfThere(this.#path('root.pem'));
    if (key === undefined && roots === undefined) return undefined;
    if (key === undefined) {
      throw new RootAuthorityError(
        `${this.#path('root.key')} is missing beside root.pem: restore it from a backup, or remove root.pem for a new root`,
      );
    }
    if (roots === undefined) {
      const pem = this.#certificateOf(key);
      return { phase: 'steady', current: { key, chain: pem, roots: pem } };
    }
    const chain = (await readIfThere(this.#path('chain.pem'))) ?? roots;
    return { phase: 'steady', current: { key, chain, roots } };
  }

  #certificateOf(key: string): string {
    try {
      return rootCertificate(createPrivateKey(key), Date.now());
    } catch {
      throw new RootAuthorityError(`${this.#path('root.key')} holds no private key: restore it from a backup`);
    }
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

/** The authority in a directory that signs at present; made when there is none. For those who want no rotation. */
export async function openRootAuthority(directory: string, nowMs: number = Date.now()): Promise<RootAuthority> {
  const store = new RootDirectory(directory);
  const state = (await store.load()) ?? (await firstState(store, makeRoot(nowMs)));
  return readAuthority(state.current, directory, nowMs);
}

/** Keeps the first root there ever was. */
export async function firstState(store: RootStore, current: AuthorityPem): Promise<RootState> {
  const state: RootState = { phase: 'steady', current };
  await store.save(state);
  return state;
}
