import { type FileHandle, open, readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { BaseRecord, RevisionRecord } from './revision.ts';

/** The format of the segments that are written here. It changes when an earlier control plane would not understand a record. */
export const segmentFormat = '1';

/** The first line of a segment, in every format; segments from before there was one are of format 1. */
interface Header {
  readonly k: 'f';
  readonly format: string;
}

/** A segment as far as it is whole. */
export interface ReadSegment {
  readonly format: string;
  /** None of another format than `segmentFormat`. */
  readonly records: readonly RevisionRecord[];
}

/**
 * A file of records that is only ever appended to: each line is a CRC-32 in hex, a space, and a record as JSON; the first says the
 * format.
 */
export class SegmentWriter {
  readonly path: string;
  readonly #file: FileHandle;
  #bytes = 0;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /** Begins a segment; rejects when there is a file of that name. */
  static async create(path: string): Promise<SegmentWriter> {
    return new SegmentWriter(path, await open(path, 'ax', 0o600));
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Appends records in one write and waits until they are on disk. After a rejection the segment must not be used again. */
  async append(records: readonly RevisionRecord[]): Promise<void> {
    const lines: Buffer[] = this.#bytes === 0 ? [lineOf({ k: 'f', format: segmentFormat })] : [];
    for (const record of records) {
      if (record.k === 'r' && record.full) lines.push(...(await slicedLineOf(record)));
      else lines.push(lineOf(record));
    }
    const bytes = Buffer.concat(lines);
    await this.#file.appendFile(bytes);
    await this.#file.datasync();
    this.#bytes += bytes.length;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** Reads a segment up to the first line that is not whole, as a crash or a full disk leaves one. */
export async function readSegment(path: string): Promise<ReadSegment> {
  const records: RevisionRecord[] = [];
  const bytes = await readFile(path);
  let start = 0;
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
    const json = bytes.subarray(start + 9, end);
    if (bytes.toString('latin1', start, start + 8) !== checksum(json)) break;
    const record: RevisionRecord | Header = JSON.parse(json.toString('utf8'));
    start = end + 1;
    if (record.k !== 'f') records.push(record);
    else if (record.format !== segmentFormat) return { format: String(record.format), records: [] };
  }
  return { format: segmentFormat, records };
}

function lineOf(record: RevisionRecord | Header): Buffer {
  const json = JSON.stringify(record);
  return Buffer.from(`${checksum(json)} ${json}\n`);
}

/** Parts that are written as JSON before anything else of the process has its turn. */
const sliceSize = 200;

/** The line of a whole revision, which is as large as the mesh. It is made in slices, so that no push waits for it. */
async function slicedLineOf({ set, ...record }: BaseRecord): Promise<Buffer[]> {
  const entries = Object.entries(set);
  const slices = [Buffer.from(`${JSON.stringify(record).slice(0, -1)},"set":{`)];
  for (let from = 0; from < entries.length; from += sliceSize) {
    const parts = entries
      .slice(from, from + sliceSize)
      .map(([name, part]) => `${JSON.stringify(name)}:${JSON.stringify(part)}`);
    slices.push(Buffer.from(`${from === 0 ? '' : ','}${parts.join()}`));
    await setImmediate();
  }
  slices.push(Buffer.from('}}'));
  const sum = slices.reduce((crc, slice) => crc32(slice, crc), 0);
  return [Buffer.from(`${hex(sum)} `), ...slices, Buffer.from('\n')];
}

function checksum(json: string | Uint8Array): string {
  return hex(crc32(json));
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
