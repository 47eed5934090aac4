/** What one TAP stream has told so far (https://testanything.org, as `ava --tap` writes it). */
export interface TapCount {
  passed: number;
  /** The names of tests that failed. */
  readonly failed: string[];
  skipped: number;
}

/** A line of TAP as a person reads it; undefined for what only machines need. Counts results in `count`. */
export function readTapLine(line: string, count: TapCount): string | undefined {
  const result = /^(not )?ok \d+ - (.*)$/.exec(line);
  if (result) {
    const [, not, rest = ''] = result;
    const directive = / # (SKIP|TODO)\b ?(.*)$/.exec(rest);
    if (directive) {
      count.skipped++;
      return `  - ${rest.slice(0, directive.index)} (${directive[1]?.toLowerCase()}${directive[2] ? `: ${directive[2]}` : ''})`;
    }
    if (not) count.failed.push(rest);
    else count.passed++;
    return `  ${not ? '✗' : '✓'} ${rest}`;
  }
  if (/^(TAP version|\d+\.\.\d+|# (tests|pass|fail|skip)|# .* › |---$|\s*$)/.test(line)) return undefined;
  // Diagnostics of a failure are indented YAML.
  return line.startsWith('#') ? undefined : `    ${line}`;
}
