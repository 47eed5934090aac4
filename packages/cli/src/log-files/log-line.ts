/** One line of a process's log. */
export interface LogLine {
  /** The process, for example `orders-0.envoy`. */
  readonly log: string;
  /** As it was written, without its line break. */
  readonly text: string;
  /** When it was written, in epoch milliseconds: its own time, or else the time of the line before it. */
  readonly timeMs: number;
}

/** The fields of a JSON line; undefined for any other line. */
export function fieldsOf(text: string): Readonly<Record<string, unknown>> | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const content: unknown = JSON.parse(text);
    return typeof content === 'object' && content !== null ? { ...content } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The time that a line gives, in epoch milliseconds: the field `time` of JSON (the kit, Envoy's access log), or a date and time at its
 * beginning, in brackets or not (Envoy, PostgreSQL); a time without a zone is local. Undefined: it has none.
 */
export function timeOfLine(text: string): number | undefined {
  const time = fieldsOf(text)?.time;
  if (typeof time === 'number') return time;
  return parseTime(typeof time === 'string' ? time : text.slice(0, 50));
}

const dateAndTime = /^\[?(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:[.,](\d{1,3})\d*)? ?(Z|UTC|GMT|[+-]\d\d:?\d\d)?/;

function parseTime(text: string): number | undefined {
  const [found, date, time, fraction = '0', zone = ''] = dateAndTime.exec(text) ?? [];
  if (found === undefined) return undefined;
  const ms = Date.parse(`${date}T${time}.${fraction.padEnd(3, '0')}${/^[A-Z]/.test(zone) ? 'Z' : zone}`);
  return Number.isNaN(ms) ? undefined : ms;
}

/**
 * Gives each line of one log its time. A line without a time (a stack trace, plain output) gets the time of the line before it, and lines
 * at the start get the first time in the log. `otherwiseMs` is for a log in which no line has a time.
 */
export function datedLines(log: string, texts: readonly string[], otherwiseMs: number): readonly LogLine[] {
  const own = texts.map(timeOfLine);
  let timeMs = own.find((time) => time !== undefined) ?? otherwiseMs;
  return texts.map((text, index) => {
    timeMs = own[index] ?? timeMs;
    return { log, text, timeMs };
  });
}
