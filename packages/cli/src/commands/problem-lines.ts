import { type Problem, problemWords } from '@weft/compiler/model/problem';
import type { Paint } from '../terminal/style.ts';

/** Formats problems for the terminal, one per line: where, what is wrong, what was expected. */
export function problemLines(problems: readonly Problem[], paint: Paint): string[] {
  return problems.map((problem) => {
    const { resource, field } = problem;
    return `${paint('bold', field ? `${resource} ${field}` : resource)}: ${problemWords(problem)}`;
  });
}
