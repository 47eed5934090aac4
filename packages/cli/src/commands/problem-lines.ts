import type { Problem } from '@weft/compiler';
import type { Paint } from '../terminal/style.ts';

/** Problems as a person reads them, one a line: where, what is wrong, what would be right. */
export function problemLines(problems: readonly Problem[], paint: Paint): string[] {
  return problems.map(({ resource, field, message, advice }) => {
    const where = field ? `${resource} ${field}` : resource;
    return `${paint('bold', where)}: ${message}${advice ? `; right would be: ${advice}` : ''}`;
  });
}
