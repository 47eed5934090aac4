import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../command-error.ts';
import type { ServiceManifest } from '../service-manifest.ts';
import { formatDuration } from '../terminal/duration.ts';
import { healthProbe } from './health-probe.ts';
import { KeptProcess } from './kept-process.ts';
import type { ProcessLog } from './logs.ts';
import type { MeshRun } from './mesh-run.ts';
import { type Running, type StopSignal, startProgram } from './running.ts';

const probeIntervalMs = 500;
/** Until it has served once, an order or an edit is waiting for it. */
const firstProbeIntervalMs = 50;
/** The kit serves 5 s more after SIGTERM, then ends what is still under way. */
const drainMs = 20_000;
const startingReason = 'it starts';

/** What the process of a replica is made from. */
export interface ApplicationOptions {
  readonly run: MeshRun;
  readonly service: ServiceManifest;
  /** The replica's name, as people see it. */
  readonly name: string;
  /** Tells the processes of one replica apart: 0, 1, 2 and so on. Each listens at an address of its own. */
  readonly generation: number;
  readonly outboundPort: number;
  /** PGHOST and so on as of the start; empty for a service without a database. */
  readonly databaseEnv: () => Readonly<Record<string, string>>;
  readonly log: ProcessLog;
  /** Told after each change of `reason`. */
  readonly changed: () => void;
}

/** One process of a replica at an address of its own: kept running, and asked for its health. */
export class Application {
  /** Where it listens: "unix:/path". */
  readonly address: string;
  readonly #options: ApplicationOptions;
  readonly #socket: string;
  readonly #process: KeptProcess;
  readonly #stopped = new AbortController();
  #reason = startingReason;
  #probing: Promise<void> | undefined;
  /** A process that was tried and found well, for `#process` to keep. */
  #tried: Running | undefined;

  constructor(options: ApplicationOptions) {
    const { run, name, generation, log } = options;
    this.#options = options;
    this.#socket = join(run.state.run, generation === 0 ? `${name}.sock` : `${name}.${generation}.sock`);
    this.address = `unix:${this.#socket}`;
    this.#process = new KeptProcess({
      name,
      records: run.records,
      report: run.report,
      lastLine: () => log.lastLine,
      start: () => {
        const tried = this.#tried;
        this.#tried = undefined;
        return tried ? Promise.resolve(tried) : this.#launch();
      },
      onUp: () => this.#update(startingReason),
      onDown: (reason) => this.#update(reason),
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get restarts(): number {
    return this.#process.restarts;
  }

  /** Why it does not serve, in a few words; empty when it does. */
  get reason(): string {
    return this.#reason;
  }

  /** Starts it, and watches its health until it is stopped. */
  async start(): Promise<void> {
    await this.#process.start();
    this.#probing = this.#probe();
  }

  /**
   * Starts it once and resolves when it serves; it is then kept running and watched as after `start`. Rejects with the reason in a
   * few words when it ends before, does not serve within `timeoutMs`, or `signal` is aborted; nothing of it is left then.
   */
  async tryOut(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { run, name, log } = this.#options;
    signal.throwIfAborted();
    const running = await this.#launch();
    run.records.add(name, running.pid);
    const ended = new AbortController();
    let end = '';
    void running.exited.then((how) => {
      end = how;
      run.records.remove(running.pid);
      ended.abort();
    });
    const probe = healthProbe(this.#socket);
    const either = AbortSignal.any([signal, ended.signal]);
    try {
      const giveUpAt = Date.now() + timeoutMs;
      for (;;) {
        const { reason } = await probe.check();
        if (end !== '') throw new Error(withLastLine(`it ended with ${end}`, log));
        signal.throwIfAborted();
        if (reason === '') break;
        if (Date.now() > giveUpAt) {
          throw new Error(withLastLine(`after ${formatDuration(timeoutMs)} ${reason}`, log));
        }
        await sleep(firstProbeIntervalMs / 2, undefined, { signal: either }).catch(() => undefined);
      }
    } catch (error) {
      await running.stop(0);
      rmSync(this.#socket, { force: true });
      throw error;
    } finally {
      probe.close();
    }
    this.#tried = running;
    await this.#process.start();
    this.#reason = '';
    this.#probing = this.#probe();
  }

  /** Ends it. By SIGTERM it serves for a while before; by SIGINT nobody calls it any more. */
  async stop(signal: StopSignal): Promise<void> {
    this.#stopped.abort();
    await this.#process.stop(drainMs, signal);
    await this.#probing;
    rmSync(this.#socket, { force: true });
  }

  #launch(): Promise<Running> {
    const { run, service, name, outboundPort, databaseEnv, log } = this.#options;
    rmSync(this.#socket, { force: true });
    return startProgram({
      command: ['node', service.main],
      cwd: service.directory,
      log,
      env: {
        ...run.env,
        ...databaseEnv(),
        WEFT_SERVICE: service.contract ?? `${service.namespace}.${service.name}`,
        WEFT_LISTEN: this.address,
        WEFT_OUTBOUND: `127.0.0.1:${outboundPort}`,
        OTEL_SERVICE_NAME: service.contract ?? service.name,
        OTEL_RESOURCE_ATTRIBUTES: `service.namespace=${service.namespace},service.instance.id=${name}`,
      },
    });
  }

  async #probe(): Promise<void> {
    const probe = healthProbe(this.#socket);
    const { signal } = this.#stopped;
    let late = 0;
    while (!signal.aborted) {
      const { pid } = this;
      if (pid !== undefined) {
        const result = await probe.check();
        late = result.late ? late + 1 : 0;
        // One late answer proves nothing; and the answer of a process that has ended since says nothing of the next one.
        if (late !== 1 && pid === this.pid && !signal.aborted) this.#update(result.reason);
      }
      const intervalMs = this.#reason === '' ? probeIntervalMs : firstProbeIntervalMs;
      await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
    }
    probe.close();
  }

  #update(reason: string): void {
    if (reason === this.#reason) return;
    this.#reason = reason;
    this.#options.changed();
  }
}

function withLastLine(reason: string, log: ProcessLog): string {
  return log.lastLine ? `${reason}; it last said: ${log.lastLine}` : reason;
}
