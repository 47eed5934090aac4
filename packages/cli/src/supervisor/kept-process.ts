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
  /** Told when it does not any more, and why; not when it was stopped. */
  readonly onDown?: (reason: string) => void;
}

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
  #held: PromiseWithResolvers<void> | undefined;

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

  /** Starts it. Rejects when the first start fails; later ones are tried again and again. */
  async start(): Promise<void> {
    const starting = this.#startOnce();
    this.#starting = starting.catch(() => undefined);
    const running = await starting;
    if (running) this.#loop = this.#keep(running, Date.now());
  }

  /** Ends it for good and waits, by force after `timeoutMs`. */
  async stop(timeoutMs: number, signal?: StopSignal): Promise<void> {
    this.#stopping.abort();
    // What is being started now has no process yet that could be stopped.
    await this.#starting;
    await this.#running?.stop(timeoutMs, signal);
    await this.#loop;
  }

  /** Ends it until `release`, by force after `timeoutMs`. */
  async hold(timeoutMs: number): Promise<void> {
    this.#held ??= Promise.withResolvers<void>();
    await this.#starting;
    const { pid } = this;
    await this.#running?.stop(timeoutMs);
    // It has ended when the loop has noticed, not before.
    while (pid !== undefined && this.pid === pid) await sleep(5);
  }

  /** Lets it start again, at once. */
  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  async #startOnce(): Promise<Running | undefined> {
    const running = await this.#options.start();
    if (this.#stopping.signal.aborted) {
      await running.stop(0);
      return undefined;
    }
    this.#options.records.add(this.#options.name, running.pid);
    this.#running = running;
    this.#options.onUp?.(running);
    return running;
  }

  async #keep(first: Running, firstStartedAt: number): Promise<void> {
    const { signal } = this.#stopping;
    let running: Running | undefined = first;
    let startedAt = firstStartedAt;
    let end = '';
    for (;;) {
      if (running) {
        end = `ended with ${await running.exited}`;
        this.#options.records.remove(running.pid);
        this.#running = undefined;
      }
      if (signal.aborted) return;
      if (this.#held) {
        this.#reason = 'was stopped by `weft stop`';
        this.#options.onDown?.(this.#reason);
        this.#options.report(
          `${this.#options.name} ${this.#reason}; \`weft start ${this.#options.name}\` starts it again`,
        );
        await Promise.race([this.#held.promise, aborted(signal)]);
      } else {
        await this.#wait(end, Date.now() - startedAt);
      }
      if (signal.aborted) return;
      startedAt = Date.now();
      this.#restarts++;
      try {
        running = await this.#startOnce();
      } catch (error) {
        running = undefined;
        end = `did not start (${reasonOf(error)})`;
      }
    }
  }

  /** Says how it ended, and waits for the time of the next start. */
  async #wait(end: string, ranMs: number): Promise<void> {
    const { signal } = this.#stopping;
    const delayMs = this.#backoff.next(ranMs);
    const lastLine = this.#options.lastLine?.();
    const times = this.#backoff.failures > 1 ? `, the ${ordinal(this.#backoff.failures)} time in a row` : '';
    this.#reason = `${end}${times}; starts again in ${formatDuration(delayMs)}${lastLine ? `; it last said: ${lastLine}` : ''}`;
    this.#options.onDown?.(this.#reason);
    this.#options.report(`${this.#options.name} ${this.#reason}`);
    await sleep(delayMs, undefined, { signal }).catch(() => undefined);
  }
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
