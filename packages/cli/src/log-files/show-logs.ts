import { setTimeout as sleep } from 'node:timers/promises';
import { didYouMean } from '@weft/compiler/model/did-you-mean';
import { CommandError } from '../command-error.ts';
import { LogFile } from './log-file.ts';
import { fieldsOf, type LogLine } from './log-line.ts';
import { allLogNames, logNames, logsNamed } from './log-names.ts';

/** Which lines of logs are shown, and how. */
export interface LogOptions {
  /** The maximum number of past lines. Default: 50, or all with `since`. */
  readonly lines?: number;
  /** Only lines logged since then, in epoch milliseconds. */
  readonly since?: number;
  /** Only lines whose original text matches. */
  readonly grep?: RegExp;
  /** One JSON object per line: `process`, `time`, and either the `fields` of a JSON line or its `text`. */
  readonly json?: boolean;
}

/** The log of the supervisor. */
export const supervisorLog = 'up';

const defaultLines = 50;

/** How often to check logs for new lines. */
const followIntervalMs = 200;

/** The logs of processes, merged by time. */
export class ShownLogs {
  readonly #directory: string;
  readonly #names: readonly string[];
  readonly #options: LogOptions;
  readonly #files = new Map<string, LogFile>();

  /**
   * The logs that `names` mean (`logsNamed`) in a directory of logs.
   *
   * @throws CommandError for an unknown name, with a suggestion.
   */
  constructor(directory: string, names: readonly string[], options: LogOptions) {
    this.#directory = directory;
    this.#names = names;
    this.#options = options;
    const logs = logNames(directory);
    for (const name of names) {
      if (logsNamed(name, logs).length > 0) continue;
      const known = allLogNames(logs);
      throw new CommandError(
        name === supervisorLog
          ? `\`weft up\` and \`weft dev\` show their log in their terminal; name a process: ${known.join(', ')}.`
          : `There is no log of ${name}.${didYouMean(name, known)} Logs: ${known.join(', ') || 'none yet'}.`,
      );
    }
    this.#open();
  }

  /** The past lines, formatted. */
  async past(): Promise<readonly string[]> {
    const { since, grep, lines = since === undefined ? defaultLines : Number.POSITIVE_INFINITY } = this.#options;
    // A match may be anywhere in the file.
    const isSearch = since !== undefined || grep !== undefined;
    const found = await this.#read((file) => file.past(isSearch ? undefined : lines));
    return lines === 0 ? [] : this.#render(found.slice(-lines));
  }

  /** The lines logged from now on; call it after `past`. Ends when `signal` aborts. */
  async *more(signal?: AbortSignal): AsyncGenerator<readonly string[], void, void> {
    while (signal?.aborted !== true) {
      await sleep(followIntervalMs);
      // A service may have a new replica.
      this.#open();
      const lines = await this.#read((file) => file.more());
      if (lines.length > 0) yield this.#render(lines);
    }
  }

  #open(): void {
    const logs = logNames(this.#directory);
    for (const name of this.#names.flatMap((each) => logsNamed(each, logs))) {
      if (!this.#files.has(name)) this.#files.set(name, new LogFile(this.#directory, name));
    }
  }

  /** Sorts by time. The lines of a single log keep their order. */
  async #read(linesOf: (file: LogFile) => Promise<readonly LogLine[]>): Promise<readonly LogLine[]> {
    const { since, grep } = this.#options;
    const all = (await Promise.all([...this.#files.values()].map(linesOf))).flat();
    const lines = all.filter(
      ({ text, timeMs }) => (since === undefined || timeMs >= since) && (grep === undefined || grep.test(text)),
    );
    return this.#files.size === 1 ? lines : lines.sort((a, b) => a.timeMs - b.timeMs);
  }

  /** Prefixes lines with their process name if there are several processes. */
  #render(lines: readonly LogLine[]): readonly string[] {
    const width = Math.max(...[...this.#files.keys()].map((name) => name.length));
    return lines.map(({ log, text, timeMs }) => {
      if (!this.#options.json) return this.#files.size === 1 ? text : `${log.padEnd(width)} ${text}`;
      const fields = fieldsOf(text);
      const content = fields === undefined ? { text } : { fields };
      return JSON.stringify({ process: log, time: new Date(timeMs).toISOString(), ...content });
    });
  }
}
