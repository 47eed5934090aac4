import { mkdir, readdir, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import type { ContractFact } from '@weft/compiler/facts/facts';
import { replaceFile } from '../state/replace-file.ts';
import type { Part, Parts } from './parts.ts';
import type { BaseRecord, RevisionRecord } from './revision.ts';
import { type ReadSegment, readSegment, SegmentWriter, segmentFormat } from './segment.ts';
import { type SetAside, setAside } from './set-aside.ts';

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** How much is kept. Whole segments go, the oldest first, so that somewhat less than the most may be there. */
export interface HistoryLimits {
  readonly maxRevisions: number;
  readonly maxBytes: number;
}

/** A segment that cannot be read, and what the disk said. */
export interface UnreadableSegment {
  readonly name: string;
  readonly error: unknown;
}

/** What a history that was opened does without. */
export interface LeftOut {
  readonly aside?: SetAside;
  readonly unreadable: readonly UnreadableSegment[];
}

interface Segment {
  readonly path: string;
  bytes: number;
  readonly numbers: Set<number>;
  /** Hashes of the contracts that its revisions have. */
  readonly contracts: Set<string>;
}

/**
 * Revisions on disk: `segments/<serial>.log` are appended to and begin with a whole revision, so that none needs another;
 * `objects/<hash>.gz` are descriptor sets. What another version wrote in a format that is not known here is put into `set-aside`. A crash costs at most the last line. Nobody else writes there.
 */
export class HistoryStore {
  readonly #directory: string;
  readonly #limits: HistoryLimits;
  readonly #segments: Segment[] = [];
  readonly #objects = new Map<string, number>();
  #writer: SegmentWriter | undefined;
  #serial = 0;
  #checkpointBytes = 0;
  #pinned: readonly string[] = [];

  constructor(directory: string, limits: HistoryLimits) {
    this.#directory = directory;
    this.#limits = limits;
  }

  /**
   * Gives all records that are there to `visit`, in order, and returns what was left out: segments of another format, which are set
   * aside, and segments that cannot be read, which stay where they are. Rejects when the directory cannot be made or read.
   */
  async load(visit: (record: RevisionRecord) => void): Promise<LeftOut> {
    for (const folder of ['segments', 'objects']) {
      await mkdir(join(this.#directory, folder), { recursive: true, mode: 0o700 });
    }
    const others: { name: string; format: string }[] = [];
    const unreadable: UnreadableSegment[] = [];
    const names = (await readdir(join(this.#directory, 'segments'))).filter((name) => /^\d+\.log$/.test(name)).sort();
    for (const name of names) {
      const path = join(this.#directory, 'segments', name);
      this.#serial = Math.max(this.#serial, Number(name.slice(0, -'.log'.length)));
      const read = await readSized(path).catch((error: unknown) => ({ error }));
      if ('error' in read) {
        unreadable.push({ name, error: read.error });
        continue;
      }
      const { format, records, bytes } = read;
      if (format !== segmentFormat) {
        others.push({ name, format });
        continue;
      }
      const segment: Segment = { path, bytes, numbers: new Set(), contracts: new Set() };
      this.#segments.push(segment);
      for (const record of records) {
        note(segment, record);
        visit(record);
      }
    }
    const aside = others.length === 0 ? undefined : await setAside(this.#directory, others);
    // Last: what is not known here is not forgotten either.
    for (const name of await readdir(join(this.#directory, 'objects'))) {
      const hash = /^([0-9a-f]{16})\.gz$/.exec(name)?.[1];
      if (hash === undefined) continue;
      const found = await stat(this.#objectPath(hash)).catch(() => undefined);
      if (found?.isFile()) this.#objects.set(hash, found.size);
    }
    return { ...(aside ? { aside } : {}), unreadable };
  }

  /** Nothing was written yet, or not since the disk refused. */
  get isNew(): boolean {
    return this.#writer === undefined;
  }

  /** Whether the next revision must be a full one, because it begins a segment. */
  get wantsFull(): boolean {
    return this.#writer === undefined || this.#isFull();
  }

  /**
   * Writes records and the contracts that they name for the first time; then forgets what is over the limits. Rejects when the
   * disk does: what was written before stays, and the next revision must be full.
   */
  async append(records: readonly RevisionRecord[], contracts: readonly ContractFact[]): Promise<void> {
    try {
      await this.putContracts(contracts);
      let from = 0;
      for (const [index, record] of records.entries()) {
        if (record.k !== 'r' || !record.full) continue;
        await this.#write(records.slice(from, index));
        await this.#begin();
        from = index;
      }
      await this.#write(records.slice(from));
      await this.#trim();
    } catch (error) {
      await this.#writer?.close().catch(() => undefined);
      this.#writer = undefined;
      await this.#dropEmpty();
      throw error;
    }
  }

  /** Writes those contracts that are not there yet. Rejects when the disk does. */
  async putContracts(contracts: readonly ContractFact[]): Promise<void> {
    for (const { hash, descriptorSet } of contracts) {
      if (this.#objects.has(hash)) continue;
      const bytes = await compress(descriptorSet);
      await replaceFile(this.#objectPath(hash), bytes, 0o600);
      this.#objects.set(hash, bytes.length);
    }
  }

  /** The parts of a revision; undefined when it is not (or no longer) on disk. */
  async partsAt(number: number): Promise<Parts | undefined> {
    const segment = this.#segments.find(({ numbers }) => numbers.has(number));
    if (segment === undefined) return undefined;
    const parts = new Map<string, Part>();
    for (const record of (await readSegment(segment.path)).records) {
      if (record.k !== 'r') continue;
      applyRecord(parts, record);
      if (record.n === number) return parts;
    }
    return undefined;
  }

  /** The descriptor sets that parts name, by hash, as far as they are there and whole. */
  async descriptorSets(parts: Parts): Promise<Map<string, Uint8Array>> {
    const sets = new Map<string, Uint8Array>();
    for (const part of parts.values()) {
      if (part.is !== 'contract') continue;
      const { hash } = part.value;
      const bytes = await readFile(this.#objectPath(hash))
        .then((file) => decompress(file))
        .catch(() => undefined);
      if (bytes !== undefined && contractHash(bytes) === hash) sets.set(hash, bytes);
    }
    return sets;
  }

  /** The number of the oldest revision that can be read again; undefined: there is none. */
  get oldest(): number | undefined {
    for (const { numbers } of this.#segments) if (numbers.size > 0) return Math.min(...numbers);
    return undefined;
  }

  /** Contracts that stay whatever becomes of the revisions that have them. */
  keep(hashes: readonly string[]): void {
    this.#pinned = hashes;
  }

  async close(): Promise<void> {
    await this.#writer?.close();
    this.#writer = undefined;
  }

  async #begin(): Promise<void> {
    await this.#writer?.close();
    this.#writer = undefined;
    this.#serial++;
    const path = join(this.#directory, 'segments', `${String(this.#serial).padStart(10, '0')}.log`);
    this.#writer = await SegmentWriter.create(path);
    this.#segments.push({ path, bytes: 0, numbers: new Set(), contracts: new Set() });
    this.#checkpointBytes = 0;
  }

  async #write(records: readonly RevisionRecord[]): Promise<void> {
    if (records.length === 0) return;
    if (this.#writer === undefined) await this.#begin();
    const segment = this.#segments.at(-1);
    if (segment === undefined || this.#writer === undefined) return;
    await this.#writer.append(records);
    segment.bytes = this.#writer.bytes;
    if (this.#checkpointBytes === 0) this.#checkpointBytes = segment.bytes;
    for (const record of records) note(segment, record);
  }

  /** Segments end where a whole revision costs little beside what is in them, and early enough to be forgotten one by one. */
  #isFull(): boolean {
    const segment = this.#segments.at(-1);
    if (segment === undefined) return true;
    const { maxRevisions, maxBytes } = this.#limits;
    return (
      segment.numbers.size >= maxRevisions / 10 ||
      segment.bytes >= Math.min(Math.max(1 << 20, 4 * this.#checkpointBytes), maxBytes / 8)
    );
  }

  /** A segment that nothing could be written to is of no use, and there would be one for each try. */
  async #dropEmpty(): Promise<void> {
    const segment = this.#segments.at(-1);
    if (segment === undefined || segment.numbers.size > 0) return;
    this.#segments.pop();
    await unlink(segment.path).catch(() => undefined);
  }

  async #trim(): Promise<void> {
    while (this.#segments.length > 1 && this.#isOver()) {
      const [oldest] = this.#segments.splice(0, 1);
      if (oldest) await unlink(oldest.path).catch(() => undefined);
      await this.#collect();
    }
  }

  #isOver(): boolean {
    const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0);
    const bytes = sum(this.#segments.map((segment) => segment.bytes)) + sum([...this.#objects.values()]);
    const revisions = sum(this.#segments.map(({ numbers }) => numbers.size));
    return revisions > this.#limits.maxRevisions || bytes > this.#limits.maxBytes;
  }

  async #collect(): Promise<void> {
    const used = new Set([...this.#pinned, ...this.#segments.flatMap(({ contracts }) => [...contracts])]);
    for (const hash of [...this.#objects.keys()]) {
      if (used.has(hash)) continue;
      this.#objects.delete(hash);
      await unlink(this.#objectPath(hash)).catch(() => undefined);
    }
  }

  #objectPath(hash: string): string {
    return join(this.#directory, 'objects', `${hash}.gz`);
  }
}

async function readSized(path: string): Promise<ReadSegment & { readonly bytes: number }> {
  return { ...(await readSegment(path)), bytes: (await stat(path)).size };
}

/** Makes the parts of a revision out of those of the one before it. */
export function applyRecord(parts: Map<string, Part>, record: BaseRecord): void {
  if (record.full) parts.clear();
  for (const key of record.removed) parts.delete(key);
  for (const [key, part] of Object.entries(record.set)) parts.set(key, part);
}

function note(segment: Segment, record: RevisionRecord): void {
  if (record.k !== 'r') return;
  segment.numbers.add(record.n);
  for (const part of Object.values(record.set)) if (part.is === 'contract') segment.contracts.add(part.value.hash);
}
