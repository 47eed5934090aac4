import type { Problem } from '@weft/compiler/model/problem';
import { readIfThere, replaceFile } from '../state/replace-file.ts';
import { type DatedProblem, ProblemLog } from './problem-log.ts';

/** A problem log whose dates are on disk. */
export interface StoredProblemLog {
  /** Takes the problems of now, and gives those that were not there before. Costs as much as there are; called when they changed. */
  update(problems: readonly Problem[]): readonly Problem[];
  list(): readonly DatedProblem[];
  /** Resolves when the dates are on disk, or cannot be. */
  close(): Promise<void>;
}

/** Opens the log of a file. One that is not there or not readable is empty; a disk that refuses costs only dates. */
export async function openProblemLog(path: string): Promise<StoredProblemLog> {
  const log = new ProblemLog(parseDates(await readIfThere(path).catch(() => undefined)));
  let written = log.version;
  let writing: Promise<void> | undefined;
  const write = async () => {
    // What changes during a write is one further write.
    while (written !== log.version) {
      written = log.version;
      await replaceFile(path, JSON.stringify(log.dates()), 0o600).catch(() => undefined);
    }
    writing = undefined;
  };
  return {
    update(problems) {
      const fresh = log.update(problems);
      if (written !== log.version) writing ??= write();
      return fresh;
    },
    list: () => log.list(),
    close: async () => writing,
  };
}

function parseDates(text: string | undefined): Record<string, number> {
  try {
    const dates: unknown = JSON.parse(text ?? '{}');
    if (typeof dates !== 'object' || dates === null) return {};
    return Object.fromEntries(Object.entries(dates).filter(([, date]) => typeof date === 'number'));
  } catch {
    return {};
  }
}
