import { createHash } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http2';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { Authentication } from '../xds/transport.ts';
import { bearerToken, type Proof } from './proof.ts';

/** No shorter secret is taken for one: an empty or half-written file must not open a door. */
const minTokenLength = 16;

/** Told when tokens stop to be valid, so that streams which began with them can end. */
export interface LocalTokensOptions {
  readonly directory: string;
  readonly onRevoked?: (workload: WorkloadId) => void;
}

/**
 * Bearer tokens in files: `<directory>/<namespace>/<name>` holds the token of one workload's proxy.
 *
 * The directory is read again when it changes and when a token is not known, the latter at most four times a second; a token
 * whose file is gone or changed is not known any more. Tokens are held and looked up as SHA-256, so that neither a dump nor the
 * time of a comparison tells anything about them.
 */
export class LocalTokens implements Proof {
  readonly #options: LocalTokensOptions;
  #byHash = new Map<string, WorkloadId>();
  #watchers: FSWatcher[] = [];
  #reading: Promise<void> | undefined;
  #soon: Promise<void> | undefined;
  #readAgain = false;
  #lastReadMs = 0;
  #closed = false;

  constructor(options: LocalTokensOptions) {
    this.#options = options;
  }

  /** Reads the directory for the first time. One that is not there yet is empty. */
  async open(): Promise<void> {
    await this.#refresh();
  }

  close(): void {
    this.#closed = true;
    this.#unwatch();
  }

  async authenticate(headers: IncomingHttpHeaders): Promise<Authentication> {
    const token = bearerToken(headers);
    if (token === undefined) return { ok: false, message: 'the call has no bearer token' };
    const hash = hashOf(token);
    let workload = this.#byHash.get(hash);
    if (workload === undefined) {
      // Its file may be so new that no event has come for it; a proxy that is turned away comes back only after a second.
      await this.#readSoon();
      workload = this.#byHash.get(hash);
    }
    return workload === undefined ? { ok: false, message: 'the token belongs to no workload' } : { ok: true, workload };
  }

  /** Resolves after a reading that has not begun yet. Callers with wrong tokens cause four of them a second at most. */
  #readSoon(): Promise<void> {
    this.#soon ??= sleep(Math.max(0, this.#lastReadMs + 250 - Date.now())).then(async () => {
      this.#soon = undefined;
      await this.#reading;
      await this.#refresh();
    });
    return this.#soon;
  }

  #refresh(): Promise<void> {
    if (this.#reading !== undefined) {
      this.#readAgain = true;
      return this.#reading;
    }
    this.#reading = this.#read().finally(() => {
      this.#reading = undefined;
      this.#lastReadMs = Date.now();
      if (!this.#readAgain || this.#closed) return;
      this.#readAgain = false;
      void this.#refresh();
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    const { directory, onRevoked } = this.#options;
    this.#unwatch();
    this.#watch(directory);
    const fresh = new Map<string, WorkloadId>();
    for (const namespace of await names(directory)) {
      const folder = join(directory, namespace);
      this.#watch(folder);
      for (const name of await names(folder)) {
        const token = (await readFile(join(folder, name), 'utf8').catch(() => '')).trim();
        if (token.length >= minTokenLength) fresh.set(hashOf(token), `${namespace}/${name}`);
      }
    }
    const before = this.#byHash;
    this.#byHash = fresh;
    for (const [hash, workload] of before) if (fresh.get(hash) !== workload) onRevoked?.(workload);
  }

  #watch(path: string): void {
    if (this.#closed) return;
    try {
      const watcher = watch(path, () => void this.#refresh());
      watcher.on('error', () => watcher.close());
      this.#watchers.push(watcher);
    } catch {
      // Not there, or no directory: found again when a token is not known.
    }
  }

  #unwatch(): void {
    for (const watcher of this.#watchers.splice(0)) watcher.close();
  }
}

async function names(directory: string): Promise<string[]> {
  const found = await readdir(directory).catch(() => []);
  return found.filter((name) => !name.startsWith('.') && !name.endsWith('.tmp'));
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
