import type { StoredClaims } from '@weft/compiler/translation/path-claims';
import { readIfThere, replaceFile } from '../state/replace-file.ts';
import { type ClaimStore, readClaims, writeClaims } from './claim-store.ts';

/** Keeps claims in a file of the state directory. */
export class ClaimFile implements ClaimStore {
  readonly place: string;

  /** `path`: of the file. */
  constructor(path: string) {
    this.place = path;
  }

  async load(): Promise<StoredClaims> {
    const text = await readIfThere(this.place);
    return text === undefined ? {} : readClaims(text);
  }

  async save(claims: StoredClaims): Promise<void> {
    await replaceFile(this.place, writeClaims(claims), 0o600);
  }
}
