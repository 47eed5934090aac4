import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../command-error.ts';
import { formatDuration } from '../terminal/duration.ts';
import { Backoff } from './backoff.ts';
import type { ProcessRecords } from './process-records.ts';
import type { Running, StopSignal } from './running.ts';

/** A process that should run until it is stopped. */
export interface KeptProcessOptions {
  /** Its name in messages: "orders-0", "orders-0 envoy". */
  readonly name: string;
  readonly start: () => Promise<Running>;
  readonly records: ProcessRecords;
  /** Called with one sentence for each crash. */
  readonly report: (sentence: string) => void;
  /** The last line that it logged, for that sentence. */
  readonly lastLine?: () => string;
  /** Called when it runs, at first and after each restart. */
  readonly onUp?: (running: Running) => void;
  /**
   * Told when it does not any more, and why; not when it was stopped. It is told the same reason each time: who waits for the process has
   * to look again, as the same reason once more may be one time too many.
   */
  readonly onDown?: (reason: string) => void;
  /** Retry a failed first start like any other. Default: `start` rejects. */
  readonly patient?: boolean;
}

/** The number of consecutive failures after which it is hopeless. */
const hopelessFailures = 3;

/** Keeps one process running: restarts it after a crash, with a growing delay while it does not stay up. */
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
  /** Cancels the wait for the next start. */
  #waiting = new AbortController();
  #cannotStart = false;
  /** How it ended last, and what it said before, unless it was asked to. */
  #crash: { readonly how: string; readonly lastWords: string } | undefined;

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

  /** Why a process that was started again does not serve yet: that the one before crashed may say more than `reason`. */
  afterCrash(reason: string): string {
    if (!this.#crash) return reason;
    const { how, lastWords } = this.#crash;
    return `${how}; started again: ${reason}${lastWords}`;
  }

  /** How often it was restarted. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Whether it is down with no sign that it will soon run: it failed three times in a row, or no process started at all. */
  get hopeless(): boolean {
    return !this.#running && !this.#held && (this.#cannotStart || this.#backoff.failures >= hopelessFailures);
  }

  /** Starts it. Rejects if the first start fails, unless it is patient; later starts are retried without limit. */
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

  /** Stops it for good and waits; kills it after `timeoutMs`. */
  async stop(timeoutMs: number, signal?: StopSignal): Promise<void> {
    this.#stopping.abort();
    // A start in progress has no process yet that could be stopped.
    await this.#starting;
    await this.#running?.stop(timeoutMs, signal);
    await this.#loop;
  }

  /** Stops it until `release`; kills it after `timeoutMs`. `reason` is its status meanwhile. If it was never started, it waits. */
  async hold(timeoutMs: number, reason: string): Promise<void> {
    if (!this.#held) {
      const { promise: ended, resolve: end } = Promise.withResolvers<void>();
      this.#held = { reason, ended, end };
    }
    this.#waiting.abort();
    await this.#starting;
    const { pid } = this;
    await this.#running?.stop(timeoutMs);
    // It counts as stopped only when the loop has noticed.
    while (pid !== undefined && this.pid === pid) await sleep(5);
  }

  /** Starts it again at once. */
  release(): void {
    const held = this.#held;
    this.#held = undefined;
    held?.end();
  }

  /** Whether it is held. */
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
      if (this.#held) this.#crash = undefined;
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

  /** Reports how it exited, and waits until the next start. */
  async #wait(end: string, ranMs: number): Promise<void> {
    const { signal } = this.#stopping;
    const delayMs = this.#backoff.next(ranMs);
    const lastLine = this.#cannotStart ? '' : this.#options.lastLine?.();
    const times = this.#backoff.failures > 1 ? `, the ${ordinal(this.#backoff.failures)} time in a row` : '';
    const crash = { how: `${end}${times}`, lastWords: lastLine ? `; it last said: ${lastLine}` : '' };
    this.#crash = crash;
    this.#reason = `${crash.how}; starts again in ${formatDuration(delayMs)}${crash.lastWords}`;
    this.#options.onDown?.(this.#reason);
    this.#options.report(`${this.#options.name} ${this.#reason}`);
    this.#waiting = new AbortController();
    const either = AbortSignal.any([signal, this.#waiting.signal]);
    await sleep(delayMs, undefined, { signal: either }).catch(() => undefined);
  }
}

/** The reason of a process that `weft stop` stopped. */
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
