import { formatDuration } from './duration.ts';
import type { Paint } from './style.ts';

/** One step in progress. */
export interface Step {
  readonly name: string;
  /** What it is waiting for, shown when it takes long. */
  detail?: string | undefined;
  readonly startedAt: number;
  /** Whether it has finished, successfully or not. */
  over?: boolean | undefined;
  /** On success: how long it took, and its result. */
  done?: { readonly ms: number; readonly result: string } | undefined;
  /** On failure, if the rest continues without it: a sentence. Set by the work itself. */
  failed?: string | undefined;
}

/** After this much silence, the steps print what they are waiting for. */
const silenceMs = 2_500;

/**
 * Steps that run concurrently. Each prints one line when it is done; while they take long, one line lists all that are open. Lines are
 * never overwritten, so they read the same on a terminal, in a log and among the output of other processes.
 */
export class Progress {
  readonly steps: Step[] = [];
  readonly #print: (line: string) => void;
  readonly #paint: Paint;
  #timer: NodeJS.Timeout | undefined;

  constructor(print: (line: string) => void, paint: Paint) {
    this.#print = print;
    this.#paint = paint;
  }

  /** Runs one step; `work` may say what it is waiting for. `result` formats its value for the line. */
  async step<T>(name: string, work: (step: Step) => Promise<T>, result: (value: T) => string = () => ''): Promise<T> {
    const step: Step = { name, startedAt: Date.now() };
    this.steps.push(step);
    this.#timer ??= setInterval(() => this.#print(waitingLine(this.steps, this.#paint)), silenceMs);
    try {
      const value = await work(step);
      if (step.failed === undefined) step.done = { ms: Date.now() - step.startedAt, result: result(value) };
      this.#print(endLine(step, this.#paint));
      this.#timer?.refresh();
      return value;
    } finally {
      step.over = true;
      if (this.steps.every(({ over }) => over)) {
        clearInterval(this.#timer);
        this.#timer = undefined;
      }
    }
  }
}

/** How a step ended: "✓ catalog (1.2 s)" or "✗ catalog: it exited with code 1". */
export function endLine({ name, done, failed }: Pick<Step, 'name' | 'done' | 'failed'>, paint: Paint): string {
  if (failed !== undefined) return `  ${paint('red', '✗')} ${name}: ${failed}`;
  const text = done?.result ? `${name}: ${done.result}` : name;
  return `  ${paint('green', '✓')} ${text} ${paint('dim', `(${formatDuration(done?.ms ?? 0)})`)}`;
}

/** The open steps: "… waiting for catalog (its Envoy starts), orders". */
export function waitingLine(steps: readonly Step[], paint: Paint): string {
  const open = steps.filter(({ over, done, failed }) => !over && !done && failed === undefined);
  const names = open.map(({ name, detail }) => (detail ? `${name} (${detail})` : name));
  return paint('dim', `  … waiting for ${names.join(', ')}`);
}
