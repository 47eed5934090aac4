/** How long lines of one kind about one subject are held back after the first. */
const quietMs = 60_000;

/** Subjects that are told apart; beyond that they share a line. */
const maxSubjects = 1000;

/** Writes the first of many equal lines, and once a minute how many more there were: what callers cause cannot fill a log. */
export class QuietLog {
  readonly #write: (fields: object, message: string) => void;
  readonly #now: () => number;
  readonly #subjects = new Map<string, { sinceMs: number; more: number }>();

  /** `now`: milliseconds. Default: performance.now. */
  constructor(write: (fields: object, message: string) => void, now: () => number = () => performance.now()) {
    this.#write = write;
    this.#now = now;
  }

  /** `subject`: who or what it is about. */
  say(subject: string, fields: object, message: string): void {
    const nowMs = this.#now();
    if (this.#subjects.size >= maxSubjects && !this.#subjects.has(`${message} ${subject}`)) {
      for (const [key, { sinceMs }] of this.#subjects) if (nowMs - sinceMs >= quietMs) this.#subjects.delete(key);
    }
    const key = this.#subjects.size >= maxSubjects ? message : `${message} ${subject}`;
    const said = this.#subjects.get(key);
    if (said !== undefined && nowMs - said.sinceMs < quietMs) {
      said.more++;
      return;
    }
    this.#subjects.set(key, { sinceMs: nowMs, more: 0 });
    const more = said?.more ?? 0;
    this.#write(more === 0 ? fields : { ...fields, more }, message);
  }
}
