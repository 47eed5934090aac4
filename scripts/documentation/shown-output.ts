/** What a page's ids are called in a run: each stands for one id of the run, wherever the page has it. */
export type Ids = Map<string, string>;

/** What differs from run to run: times, fractions of seconds, hours, ports, ids (UUIDs, and words of 6 or more hex digits with a digit), and `...` for whatever is left out. */
const volatile =
  /(?<time>\d{4}-\d\d-\d\d[T ][\d:.]+Z?)|(?<port>(?<=:|\|)\d{4,5}\b|(?<=\.proto:)\d+)|(?<id>\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(?=[a-f]*\d)[0-9a-f]{6,64}\b)|(?<duration>\d+\.\d+(?= s\b)|\d+(?= h\b))|(?<any>\s*\.\.\.\s*)|(?<space>\s+)/g;

/**
 * Compares the lines that a page shows with what was printed; undefined: they agree. Blank lines and the width of columns do not count.
 * A line `...` stands for any number of lines. `ids` takes up what the page's ids are in this run.
 */
export function outputDifference(shown: readonly string[], printed: readonly string[], ids: Ids): string | undefined {
  const wanted = shown.map((line) => line.trim()).filter(Boolean);
  const found = printed.map((line) => line.trim()).filter(Boolean);
  let at = 0;
  let mayHaveSkipped = false;
  for (const line of wanted) {
    if (line === '...') {
      mayHaveSkipped = true;
      continue;
    }
    const end = mayHaveSkipped ? found.length : Math.min(at + 1, found.length);
    let next = at;
    while (next < end && !agrees(line, found[next] ?? '', ids)) next++;
    if (next >= end)
      return `it shows ${JSON.stringify(line)} and ${JSON.stringify(found[at] ?? 'nothing')} was printed`;
    at = next + 1;
    mayHaveSkipped = false;
  }
  if (at < found.length && !mayHaveSkipped) return `it does not show ${JSON.stringify(found[at])}`;
  return undefined;
}

/** The text of a page with the ids of this run. */
export function withIds(text: string, ids: Ids): string {
  return text.replaceAll(volatile, (token) => ids.get(token) ?? token);
}

function agrees(shown: string, printed: string, ids: Ids): boolean {
  const names: string[] = [];
  let pattern = '';
  let from = 0;
  for (const token of shown.matchAll(volatile)) {
    pattern += escaped(shown.slice(from, token.index));
    from = token.index + token[0].length;
    const { time, port, id, duration, any } = token.groups ?? {};
    if (id !== undefined) names.push(id);
    if (id !== undefined) pattern += '([0-9a-f-]{6,64})';
    else if (time !== undefined) pattern += String.raw`\d{4}-\d\d-\d\d[T ][\d:.]+Z?`;
    else if (port !== undefined) pattern += String.raw`\d+`;
    else if (duration !== undefined) pattern += String.raw`\d+(?:\.\d+)?`;
    else if (any !== undefined) pattern += '.*';
    else pattern += String.raw`\s+`;
  }
  const match = new RegExp(`^${pattern}${escaped(shown.slice(from))}$`).exec(printed);
  if (!match) return false;
  const pairs = names.map((name, index) => [name, match[index + 1] ?? ''] as const);
  if (pairs.some(([name, id]) => (ids.get(name) ?? id) !== id)) return false;
  for (const [name, id] of pairs) ids.set(name, id);
  return true;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
