import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../command-error.ts';
import { formatDuration } from '../terminal/duration.ts';
import { Backoff } from './backoff.ts';
import type { ProcessRecords } from './process-records.ts';
import type { Running, StopSignal } from './running.ts';

/** A process that is to run until it is told to stop. */
export interface KeptProcessOptions {
  /** As people see it: "orders-0", "orders-0 envoy". */
  readonly name: string;
  readonly start: () => Promise<Running>;
  readonly records: ProcessRecords;
  /** Told each crash in one sentence. */
  readonly report: (sentence: string) => void;
  /** The last line that it logged, for that sentence. */
  readonly lastLine?: () => string;
  /** Told when it runs, at first and after each restart. */
  readonly onUp?: (running: Running) => void;
  /**
   * Told when it does not any more, and why; not when it was stopped. It is told the same reason each time: who waits for the process has
   * to look again, as the same reason once more may be one time too many.
   */
  readonly onDown?: (reason: string) => void;
  /** A first start that fails is tried again like any other. Default: `start` rejects. */
  readonly patient?: boolean;
}

/** Failures in a row after which nobody should wait for it. */
const hopelessFailures = 3;

/** Keeps one process running: starts it again after a crash, later and later while it does not stay up. */
export class KeptProcess {
  readonly #options: KeptProcessOptions;
  readonly #backoff = new Backoff();
  readonly #stopping = new AbortController();
  #running: Running | undefined;
  #loop: Promise<void> | undefined;
  #starting: Promise<unknown> | undefined;
  #reason = '';
  #restarts = 0;
  #held: { readonly reason: string; readonly ended: Promise<void>; readonly end: () => void } | undefined;
  /** Of the time until the next start. */
  #waiting = new AbortController();
  #cannotStart = false;

  constructor(options: KeptProcessOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#running?.pid;
  }

  /** Why it does not run; empty while it does. */
  get reason(): string {
    return this.#running ? '' : this.#reason;
  }

  /** How often it was started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /** It does not run and nothing suggests that it soon will: it failed three times in a row, or no process came up at all. */
  get hopeless(): boolean {
    return !this.#running && !this.#held && (this.#cannotStart || this.#backoff.failures >= hopelessFailures);
  }

  /** Starts it. Rejects when the first start fails, unless it is patient; later ones are tried again and again. */
  async start(): Promise<void> {
    if (this.#held) {
      this.#loop = this.#keep(undefined, Date.now());
      return;
    }
    const starting = this.#startOnce();
    this.#starting = starting.catch(() => undefined);
    const startedAt = Date.now();
    try {
      const running = await starting;
      if (running) this.#loop = this.#keep(running, startedAt);
    } catch (error) {
      if (!this.#options.patient) throw error;
      this.#loop = this.#keep(undefined, startedAt, failedStart(error));
    }
  }

  /** Ends it for good and waits, by force after `timeoutMs`. */
  async stop(timeoutMs: number, signal?: StopSignal): Promise<void> {
    this.#stopping.abort();
    // What is being started now has no process yet that could be stopped.
    await this.#starting;
    await this.#running?.stop(timeoutMs, signal);
    await this.#loop;
  }

  /** Ends it until `release`, by force after `timeoutMs`. `reason` is what is told of it meanwhile. One that was never started waits. */
  async hold(timeoutMs: number, reason: string): Promise<void> {
    if (!this.#held) {
      const { promise: ended, resolve: end } = Promise.withResolvers<void>();
      this.#held = { reason, ended, end };
    }
    this.#waiting.abort();
    await this.#starting;
    const { pid } = this;
    await this.#running?.stop(timeoutMs);
    // It has ended when the loop has noticed, not before.
    while (pid !== undefined && this.pid === pid) await sleep(5);
  }

  /** Lets it start again, at once. */
  release(): void {
    const held = this.#held;
    this.#held = undefined;
    held?.end();
  }

  /** It is held. */
  get held(): boolean {
    return this.#held !== undefined;
  }

  async #startOnce(): Promise<Running | undefined> {
    const starting = this.#options.start();
    const running = await starting.catch((error: unknown) => {
      this.#cannotStart = true;
      throw error;
    });
    this.#cannotStart = false;
    if (this.#stopping.signal.aborted) {
      await running.stop(0);
      return undefined;
    }
    this.#options.records.add(this.#options.name, running.pid);
    this.#running = running;
    this.#options.onUp?.(running);
    return running;
  }

  async #keep(first: Running | undefined, firstStartedAt: number, firstEnd = ''): Promise<void> {
    const { signal } = this.#stopping;
    let running = first;
    let startedAt = firstStartedAt;
    let end = firstEnd;
    for (;;) {
      if (running) {
        end = `ended with ${await running.exited}`;
        this.#options.records.remove(running.pid);
        this.#running = undefined;
      }
      if (signal.aborted) return;
      if (!this.#held && end) await this.#wait(end, Date.now() - startedAt);
      while (this.#held && !signal.aborted) {
        this.#reason = this.#held.reason;
        this.#options.onDown?.(this.#reason);
        this.#options.report(`${this.#options.name}: ${this.#reason}`);
        await Promise.race([this.#held.ended, aborted(signal)]);
      }
      if (signal.aborted) return;
      startedAt = Date.now();
      this.#restarts++;
      try {
        running = await this.#startOnce();
      } catch (error) {
        running = undefined;
        end = failedStart(error);
      }
    }
  }

  /** Says how it ended, and waits for the time of the next start. */
  async #wait(end: string, ranMs: number): Promise<void> {
    const { signal } = this.#stopping;
    const delayMs = this.#backoff.next(ranMs);
    const lastLine = this.#cannotStart ? '' : this.#options.lastLine?.();
    const times = this.#backoff.failures > 1 ? `, the ${ordinal(this.#backoff.failures)} time in a row` : '';
    this.#reason = `${end}${times}; starts again in ${formatDuration(delayMs)}${lastLine ? `; it last said: ${lastLine}` : ''}`;
    this.#options.onDown?.(this.#reason);
    this.#options.report(`${this.#options.name} ${this.#reason}`);
    this.#waiting = new AbortController();
    const either = AbortSignal.any([signal, this.#waiting.signal]);
    await sleep(delayMs, undefined, { signal: either }).catch(() => undefined);
  }
}

/** The reason of a process that `weft stop` has ended. */
export function heldReason(name: string): string {
  return `was stopped by \`weft stop\`; \`weft start ${name}\` starts it again`;
}

function failedStart(error: unknown): string {
  return `did not start: ${reasonOf(error)}`;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

function ordinal(count: number): string {
  if (count % 100 < 11 || count % 100 > 13) {
    if (count % 10 === 1) return `${count}st`;
    if (count % 10 === 2) return `${count}nd`;
    if (count % 10 === 3) return `${count}rd`;
  }
  return `${count}th`;
}
