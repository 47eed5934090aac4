import { formatDuration } from './duration.ts';
import type { Paint } from './style.ts';

/** One thing that is being done. */
export interface Step {
  readonly name: string;
  /** What it waits for now, shown when it takes long. */
  detail?: string;
  readonly startedAt: number;
  /** How it ended: how long it took and what there is now. */
  done?: { readonly ms: number; readonly result: string };
}

/** After so long without a word a step says that it is still at work. */
const silenceMs = 2_000;

/**
 * Steps that run side by side, told one line each: when a step is done, and while it takes long. Lines are never overwritten, so
 * that they read the same on a terminal, in a log and among the output of other processes.
 */
export class Progress {
  readonly steps: Step[] = [];
  readonly #print: (line: string) => void;
  readonly #paint: Paint;

  constructor(print: (line: string) => void, paint: Paint) {
    this.#print = print;
    this.#paint = paint;
  }

  /** Runs one step; `work` may say what it waits for. The step's result is what `result` makes of what `work` gave. */
  async step<T>(name: string, work: (step: Step) => Promise<T>, result: (value: T) => string = () => ''): Promise<T> {
    const step: Step = { name, startedAt: Date.now() };
    this.steps.push(step);
    const timer = setInterval(() => {
      const detail = step.detail ? `: ${step.detail}` : '';
      this.#print(this.#paint('dim', `  … ${name}${detail} (${formatDuration(Date.now() - step.startedAt)})`));
    }, silenceMs);
    try {
      const value = await work(step);
      step.done = { ms: Date.now() - step.startedAt, result: result(value) };
      const text = step.done.result ? `${name}: ${step.done.result}` : name;
      this.#print(`  ${this.#paint('green', '✓')} ${text} ${this.#paint('dim', `(${formatDuration(step.done.ms)})`)}`);
      return value;
    } finally {
      clearInterval(timer);
    }
  }
}
