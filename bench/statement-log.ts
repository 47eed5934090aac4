/** One statement as PostgreSQL logged it. */
export interface LoggedStatement {
  /** The backend that ran it. */
  readonly pid: string;
  readonly role: string;
  readonly text: string;
  /** The name under which it was prepared; absent: it was not. */
  readonly name?: string;
  /** In PostgreSQL's own text form; null is NULL. */
  readonly values: readonly (string | null)[];
}

/** What `log_line_prefix` must be for `readStatements`. */
export const logLinePrefix = 'bench|%p|%u|';

/**
 * Reads the statements of a server's log that was written with `log_statement` all, `log_error_verbosity` default and the prefix
 * above. Other lines are passed over.
 */
export function readStatements(log: string): LoggedStatement[] {
  const statements: { pid: string; role: string; text: string; name?: string; values: (string | null)[] }[] = [];
  // A line that does not begin with the prefix goes on with the one before it.
  for (const entry of log.split(/\n?^.*?bench\|/m).slice(1)) {
    const [, pid = '', role = '', kind = '', body = ''] = /^(\d+)\|([^|]*)\|(LOG|DETAIL): {2}(.*)$/s.exec(entry) ?? [];
    const text = body.replace(/\n\t/g, '\n').trimEnd();
    if (kind === 'DETAIL') {
      const last = statements.findLast((statement) => statement.pid === pid);
      if (last !== undefined) last.values = parameters(text);
      continue;
    }
    const [, name, sql] = /^execute ([^:]+): (.*)$/s.exec(text) ?? [];
    const simple = /^statement: (.*)$/s.exec(text)?.[1];
    const statement = sql ?? simple;
    if (statement === undefined) continue;
    statements.push({
      pid,
      role,
      text: statement,
      ...(name === undefined || name === '<unnamed>' ? {} : { name }),
      values: [],
    });
  }
  return statements;
}

/** Values of `Parameters: $1 = 'it''s', $2 = NULL`. */
function parameters(detail: string): (string | null)[] {
  const found = detail.matchAll(/\$\d+ = (?:NULL|'((?:[^']|'')*)')/g);
  return [...found].map(([, value]) => value?.replaceAll("''", "'") ?? null);
}
