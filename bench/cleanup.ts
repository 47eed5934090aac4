import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a benchmark has to end before it ends, in reverse order; takes the place of a test's context. */
export class Cleanup {
  readonly #steps: (() => unknown)[] = [];
  #running: Promise<void> | undefined;

  /** Adds a step. */
  teardown(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** A temporary directory that is removed in the end. */
  async directory(prefix: string): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), prefix));
    this.teardown(() => rm(dir, { recursive: true, force: true }));
    return dir;
  }

  /** Does all steps when the process is told to end, too; then it ends. */
  onSignals(): void {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const end = () => void this.run().finally(() => process.exit(1));
      process.once(signal, end);
      this.teardown(() => process.off(signal, end));
    }
  }

  /** Does all steps once, whatever fails; then throws the first failure. */
  run(): Promise<void> {
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    const failures: unknown[] = [];
    for (const step of this.#steps.reverse()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
