import type { Problem } from '@weft/compiler/model/problem';

/** How long an exceeded budget is shown after the last time. */
const shownMs = 10 * 60_000;

/** Problems that are kept. Names of workloads are the cluster's, and addresses anybody's. */
const maxKept = 100;

export interface ExceededBudgetsOptions {
  readonly log: { warn(fields: object, message: string): void };
  /** Called with all problems whenever they are others. */
  readonly onProblems?: (problems: readonly Problem[]) => void;
}

/** Who has gone over which budget: each is logged once, and shown in the status until it has kept to it for 10 minutes. */
export class ExceededBudgets {
  readonly #options: ExceededBudgetsOptions;
  readonly #exceeded = new Map<string, { readonly problem: Problem; readonly timer: NodeJS.Timeout }>();

  constructor(options: ExceededBudgetsOptions) {
    this.#options = options;
  }

  /** Notes that `who` ("workload shop/orders-0", "address 10.1.0.7") has gone over a budget, in the words that it was answered with. */
  note(who: string, message: string): void {
    // Numbers that move are still the same budget.
    const key = `${who} ${message.replace(/\d+/g, '#')}`;
    const known = this.#exceeded.get(key);
    if (known !== undefined) {
      known.timer.refresh();
      return;
    }
    if (this.#exceeded.size >= maxKept) return;
    const problem: Problem = { resource: who, message };
    const timer = setTimeout(() => {
      this.#exceeded.delete(key);
      this.#tell();
    }, shownMs).unref();
    this.#exceeded.set(key, { problem, timer });
    this.#options.log.warn({ who, reason: message }, 'a budget was exceeded');
    this.#tell();
  }

  problems(): readonly Problem[] {
    return [...this.#exceeded.values()].map(({ problem }) => problem);
  }

  close(): void {
    for (const { timer } of this.#exceeded.values()) clearTimeout(timer);
    this.#exceeded.clear();
  }

  #tell(): void {
    this.#options.onProblems?.(this.problems());
  }
}
