import { existsSync } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { datedLines, type LogLine } from './log-line.ts';

/** Log lines are seldom longer. */
const usualLineBytes = 2_000;

/** The log file of one process. Reads past lines, then new lines as they arrive. */
export class LogFile {
  readonly name: string;
  readonly #path: string;
  /** The position up to which the file was read. */
  #offset = 0;
  /** The start of a line whose end is not yet written. */
  #begun = Buffer.alloc(0);

  /** The log of the process `name` in the directory of logs. */
  constructor(directory: string, name: string) {
    this.name = name;
    this.#path = join(directory, `${name}.log`);
  }

  /** All lines that are kept, or about the last `lines`. */
  async past(lines?: number): Promise<readonly LogLine[]> {
    // A log that exceeded its size limit was rotated; its old content is in the file beside it.
    const older =
      lines === undefined && existsSync(`${this.#path}.1`) ? await readFile(`${this.#path}.1`) : Buffer.alloc(0);
    const { size, mtimeMs } = await stat(this.#path);
    const start = lines === undefined ? 0 : Math.max(0, size - (lines + 1) * usualLineBytes);
    const texts = this.#complete(Buffer.concat([older, await this.#read(start, size)]));
    return datedLines(this.name, start > 0 ? texts.slice(1) : texts, mtimeMs);
  }

  /** The lines written since the last read. */
  async more(): Promise<readonly LogLine[]> {
    const { size } = await stat(this.#path);
    if (size < this.#offset) {
      // The log was rotated.
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
