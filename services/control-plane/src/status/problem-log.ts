import type { Problem } from '@weft/compiler/model/problem';

/** A problem and how long it has been there. */
export interface DatedProblem extends Problem {
  /** Milliseconds since the epoch. */
  readonly sinceMs: number;
}

/** Remembers since when each problem has been there. One that goes and comes back begins anew. */
export class ProblemLog {
  #since: Map<string, number>;
  #problems: readonly DatedProblem[] = [];
  #version = 0;

  /** `since` is what `dates()` gave before a restart. */
  constructor(since: Readonly<Record<string, number>> = {}) {
    this.#since = new Map(Object.entries(since));
  }

  /** Takes the problems of now, and gives those that were not there before. */
  update(problems: readonly Problem[], nowMs: number = Date.now()): readonly Problem[] {
    const since = new Map<string, number>();
    const fresh: Problem[] = [];
    this.#problems = problems.map((problem) => {
      const key = keyOf(problem);
      const known = this.#since.get(key);
      if (known === undefined && !since.has(key)) fresh.push(problem);
      const sinceMs = known ?? nowMs;
      since.set(key, sinceMs);
      return { ...problem, sinceMs };
    });
    if (fresh.length > 0 || since.size !== this.#since.size) this.#version++;
    this.#since = since;
    return fresh;
  }

  /** Counts up whenever `dates` is another than before. */
  get version(): number {
    return this.#version;
  }

  list(): readonly DatedProblem[] {
    return this.#problems;
  }

  /** What should be kept for a restart. */
  dates(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#since);
  }
}

/** Without the words: a line number or a value that moves is still the same problem. */
function keyOf({ resource, field, message }: Problem): string {
  return `${resource} ${field ?? message.replace(/\d+/g, '#')}`;
}
