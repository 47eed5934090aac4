import { type EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../command-error.ts';
import type { Step } from '../terminal/progress.ts';

const pollMs = 50;

/** How a reason is waited for. */
export interface AwaitOptions {
  /** Rejects the wait when it is aborted. */
  readonly signal: AbortSignal;
  /** Shows what is waited for. Default: nobody sees it. */
  readonly step?: Pick<Step, 'detail'>;
  /** Whether nobody should wait any longer. Default: as long as it takes. */
  readonly isOver?: () => boolean;
}

/** Why something does not serve yet, asked for again and again until there is no reason any more. */
export class AwaitedReason {
  readonly #changes: EventEmitter;

  /** `changes` emits "change" whenever a reason may be another one. */
  constructor(changes: EventEmitter) {
    this.#changes = changes;
  }

  /** Asks after each change until the reason is empty. Resolves with the reason when `isOver` says that nobody should wait. */
  untilChanged(reason: () => string, options: AwaitOptions): Promise<string | undefined> {
    return untilEmpty(reason, options, () => once(this.#changes, 'change', { signal: options.signal }));
  }

  /** The same for what tells of no change: asks every 50 ms. An error is a reason. */
  untilPolled(reason: () => Promise<string>, options: AwaitOptions): Promise<string | undefined> {
    const ask = () => reason().catch(reasonOf);
    return untilEmpty(ask, options, () => sleep(pollMs, undefined, { signal: options.signal }));
  }
}

async function untilEmpty(
  reason: () => string | Promise<string>,
  { step, isOver = () => false }: AwaitOptions,
  next: () => Promise<unknown>,
): Promise<string | undefined> {
  for (;;) {
    const asked = reason();
    // Between a reason and the wait for the next change none may be missed, so what is known at once is not awaited.
    const text = typeof asked === 'string' ? asked : await asked;
    if (text === '') return undefined;
    if (isOver()) return text;
    if (step) step.detail = text;
    await next();
  }
}
