import type { Paint } from '../terminal/style.ts';

/** One line of the check, and whether it passed. */
export interface Finding {
  readonly ok: boolean;
  readonly text: string;
}

/** The findings, one per line. */
export function renderFindings(found: readonly Finding[], paint: Paint): string {
  return found.map(({ ok, text }) => `${ok ? paint('green', 'ok ') : paint('red', 'BAD')} ${text}`).join('\n');
}
