import { existsSync } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { datedLines, type LogLine } from './log-line.ts';

/** A line of a log is seldom longer. */
const usualLineBytes = 2_000;

/** The log of one process on disk, read from its past to its end and on. */
export class LogFile {
  readonly name: string;
  readonly #path: string;
  /** What was read until. */
  #offset = 0;
  /** The beginning of a line whose end is not yet written. */
  #begun = Buffer.alloc(0);

  /** The log of the process `name` in the directory of logs. */
  constructor(directory: string, name: string) {
    this.name = name;
    this.#path = join(directory, `${name}.log`);
  }

  /** All lines that are kept, or about the last `lines`. */
  async past(lines?: number): Promise<readonly LogLine[]> {
    // A log that grew over its bound was begun anew, and what was there is beside it.
    const older =
      lines === undefined && existsSync(`${this.#path}.1`) ? await readFile(`${this.#path}.1`) : Buffer.alloc(0);
    const { size, mtimeMs } = await stat(this.#path);
    const start = lines === undefined ? 0 : Math.max(0, size - (lines + 1) * usualLineBytes);
    const texts = this.#complete(Buffer.concat([older, await this.#read(start, size)]));
    return datedLines(this.name, start > 0 ? texts.slice(1) : texts, mtimeMs);
  }

  /** The lines that have come since the last reading. */
  async more(): Promise<readonly LogLine[]> {
    const { size } = await stat(this.#path);
    if (size < this.#offset) {
      // It was begun anew.
      this.#offset = 0;
      this.#begun = Buffer.alloc(0);
    }
    if (size === this.#offset) return [];
    return datedLines(this.name, this.#complete(await this.#read(this.#offset, size)), Date.now());
  }

  async #read(from: number, to: number): Promise<Buffer> {
    const file = await open(this.#path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(to - from), 0, to - from, from);
      this.#offset = from + bytesRead;
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  #complete(bytes: Buffer): readonly string[] {
    const all = Buffer.concat([this.#begun, bytes]);
    const end = all.lastIndexOf(0x0a) + 1;
    this.#begun = all.subarray(end);
    return end === 0
      ? []
      : all
          .subarray(0, end - 1)
          .toString('utf8')
          .split('\n');
  }
}
