import { closeSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isNoSpace } from '../system-error.ts';
import type { Paint, Style } from '../terminal/style.ts';

/** A log that exceeds this size is rotated to `.1`, of which one is kept. */
const maxLogBytes = 32 * 1024 * 1024;

/** The lines of one process: kept in a file, and shown with its name in front. */
export interface ProcessLog {
  readonly path: string;
  /** The line that best says why it exited: the last error in its last lines, or else the last line. */
  readonly lastLine: string;
  /** Keeps a line, and shows it unless `quiet`. */
  line(text: string, options?: { quiet?: boolean }): void;
  /** Marks the start of a new process. */
  forget(): void;
  /** The same log for a second process beside the first: its lines go to the same place, but it has its own last line. */
  beside(): ProcessLog;
  close(): void;
}

/** About as many lines as Node prints for a crash. */
const keptLines = 25;

/** The most useful first: Node's form of an exception, then log levels. */
const tellsError = [/^(\w*Error|error|Uncaught)\b.*: /, /^(error|fatal)\b/];

const colors: readonly Style[] = ['cyan', 'magenta', 'blue', 'yellow', 'green'];

/** All logs of one mesh. */
export class Logs {
  readonly #dir: string;
  readonly #show: (line: string) => void;
  readonly #paint: Paint;
  #opened = 0;
  #width = 14;

  /** `show` takes lines for the foreground. */
  constructor(dir: string, show: (line: string) => void, paint: Paint) {
    this.#dir = dir;
    this.#show = show;
    this.#paint = paint;
  }

  /** The log of the process `name`; what was there stays. */
  open(name: string): ProcessLog {
    const path = join(this.#dir, `${name}.log`);
    const color = colors[this.#opened++ % colors.length] ?? 'cyan';
    this.#width = Math.max(this.#width, name.length);
    let file = openSync(path, 'a', 0o600);
    let size = statSync(path).size;
    let closed = false;
    const viewOf = (lastLines: string[]): ProcessLog => ({
      path,
      get lastLine() {
        const telling = tellsError.map((pattern) => lastLines.findLast((line) => pattern.test(line)));
        return telling.find((line) => line !== undefined) ?? lastLines.at(-1) ?? '';
      },
      line: (text, options = {}) => {
        if (closed) return;
        const bytes = Buffer.from(`${text}\n`);
        if (size + bytes.length > maxLogBytes) {
          closeSync(file);
          renameSync(path, `${path}.1`);
          file = openSync(path, 'a', 0o600);
          size = 0;
        }
        try {
          size += writeSync(file, bytes);
        } catch (error) {
          // A mesh keeps running without its logs; the code that needs the disk reports that it is full.
          if (!isNoSpace(error)) throw error;
        }
        if (options.quiet) return;
        const readable = readableLine(text);
        if (readable.trim() && lastLines.push(readable.trim()) > keptLines) lastLines.shift();
        this.#show(`${this.#paint(color, name.padEnd(this.#width))} ${readable}`);
      },
      forget: () => {
        lastLines.length = 0;
      },
      beside: () => viewOf([]),
      close: () => {
        if (!closed) closeSync(file);
        closed = true;
      },
    });
    return viewOf([]);
  }
}

/** Formats a JSON log line of the service kit: level, message, then the other fields. Returns any other line unchanged. */
export function readableLine(text: string): string {
  if (!text.startsWith('{')) return text;
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return text;
  }
  if (typeof content !== 'object' || content === null || !('msg' in content)) return text;
  const fields = new Map<string, unknown>(Object.entries(content));
  const level = fields.get('level');
  const word = typeof level === 'number' ? (levels.get(level) ?? String(level)) : String(level ?? '');
  const extra = [...fields]
    .filter(([name]) => !shown.has(name))
    .map(([name, value]) => `${name}=${readableValue(value)}`);
  return [word === 'info' ? '' : word, String(fields.get('msg')), ...extra]
    .filter(Boolean)
    .join(' ')
    .replaceAll('\n', ' ⏎ ');
}

/** For an error, its message and the place in the service's own code; the file has its stack. */
function readableValue(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string') {
    const place = 'stack' in value && typeof value.stack === 'string' ? ownPlace(value.stack) : undefined;
    return `${JSON.stringify(value.message)}${place === undefined ? '' : ` at ${place}`}`;
  }
  return JSON.stringify(value);
}

/** The first place of a stack that is neither in Node nor in a package: "/bakery/services/oven/src/oven.ts:7:11". */
function ownPlace(stack: string): string | undefined {
  const places = stack.matchAll(/^ +at (?:.*\()?(?:file:\/\/)?(\/[^()\n]+:\d+:\d+)\)?$/gm);
  return [...places].map(([, place]) => place).find((place) => !place?.includes('/node_modules/'));
}

/** Fields that appear elsewhere in the line, or are the same in each. */
const shown: ReadonlySet<string> = new Set(['msg', 'level', 'time', 'service', 'pid', 'hostname']);

/** pino's numbers. */
const levels: ReadonlyMap<number, string> = new Map([
  [10, 'trace'],
  [20, 'debug'],
  [30, 'info'],
  [40, 'warn'],
  [50, 'error'],
  [60, 'fatal'],
]);
