import { type FileHandle, open, readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { RevisionRecord } from './revision.ts';

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
    const header: Header[] = this.#bytes === 0 ? [{ k: 'f', format: segmentFormat }] : [];
    const lines = Buffer.from([...header, ...records].map(lineOf).join(''));
    await this.#file.appendFile(lines);
    await this.#file.datasync();
    this.#bytes += lines.length;
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

function lineOf(record: RevisionRecord | Header): string {
  const json = JSON.stringify(record);
  return `${checksum(json)} ${json}\n`;
}

function checksum(json: string | Uint8Array): string {
  return crc32(json).toString(16).padStart(8, '0');
}
