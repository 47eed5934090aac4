import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceManifest } from '../service-manifest.ts';
import { formatDuration } from '../terminal/duration.ts';
import { freePort, releasePort } from './free-port.ts';
import { healthProbe } from './health-probe.ts';
import { KeptProcess } from './kept-process.ts';
import type { ListenAddress } from './listen-address.ts';
import type { ProcessLog } from './logs.ts';
import type { MeshRun } from './mesh-run.ts';
import { type Running, type StopSignal, startProgram } from './running.ts';
import { checkMain, checkStartable, type ServiceProcess, serviceProcess } from './service-process.ts';

const probeIntervalMs = 500;
/** How often to probe until it has served once: a command or an edit is waiting for it. */
const firstProbeIntervalMs = 50;
/** The kit serves 5 s more after SIGTERM, then ends what is still under way. */
const drainMs = 20_000;
/** How long a new process without a health check may take to listen before we assume that it never will. */
const silentMs = 2_000;
const startingReason = 'it starts';

/** The inputs of a replica's process. */
export interface ApplicationOptions {
  readonly run: MeshRun;
  readonly service: ServiceManifest;
  /** The replica's name, for messages. */
  readonly name: string;
  /** Nobody else's. */
  readonly listen: ListenAddress;
  readonly outboundPort: number;
  /** PGHOST and so on as of the start; empty for a service without a database. */
  readonly databaseEnv: () => Readonly<Record<string, string>>;
  readonly log: ProcessLog;
  /** Called after each change of `reason`. */
  readonly changed: () => void;
}

/** A unique address for one process of a replica: `generation` is 0, 1, 2 and so on. `stop` frees the port. */
export async function newListenAddress(
  run: MeshRun,
  service: ServiceManifest,
  replica: string,
  generation: number,
): Promise<ListenAddress> {
  if (service.listen === 'tcp') return { host: '127.0.0.1', port: await freePort() };
  return { path: join(run.state.run, generation === 0 ? `${replica}.sock` : `${replica}.${generation}.sock`) };
}

/** One process of a replica at its own address: kept running, with health checks. */
export class Application {
  readonly listen: ListenAddress;
  readonly #options: ApplicationOptions;
  readonly #process: KeptProcess;
  readonly #stopped = new AbortController();
  #reason = startingReason;
  /** Whether the current process has served. */
  #served = false;
  /** Whether the user runs it in the foreground. */
  #lent = false;
  #probing: Promise<void> | undefined;
  /** A process that was started and found healthy, for `#process` to keep running. */
  #tried: Running | undefined;

  constructor(options: ApplicationOptions) {
    const { run, name, listen, log } = options;
    this.#options = options;
    this.listen = listen;
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
      onUp: () => {
        this.#served = false;
        this.#update(this.#process.afterCrash(startingReason));
      },
      onDown: (reason) => {
        this.#update(reason);
        run.changed();
      },
      patient: true,
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get restarts(): number {
    return this.#process.restarts;
  }

  /** Why it does not serve, in a few words; empty if it does. */
  get reason(): string {
    return this.#reason;
  }

  /** Whether it is down with no sign that it will soon run. */
  get hopeless(): boolean {
    return this.#process.hopeless;
  }

  /** Whether somebody else starts its process. */
  get held(): boolean {
    return this.#process.held;
  }

  /** How its process is started. */
  get process(): ServiceProcess {
    const { run, service, name, outboundPort, databaseEnv } = this.#options;
    return serviceProcess({
      service,
      replica: name,
      listen: this.listen,
      outboundPort,
      meshEnv: run.env,
      databaseEnv: databaseEnv(),
    });
  }

  /** Starts it, and watches its health until it is stopped. */
  async start(): Promise<void> {
    await this.#process.start();
    this.#probing = this.#probe();
  }

  /**
   * Starts it once and resolves when it serves; it is then kept running and watched as after `start`. Rejects with the reason in a few
   * words if it exits first, does not serve within `timeoutMs`, or `signal` is aborted; it is then stopped.
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
    // A process without a health check counts as healthy when it listens; one that only makes calls never listens.
    const silent = this.#options.service.health.protocol === 'none';
    const probe = healthProbe(this.listen, silent ? { protocol: 'tcp' } : this.#options.service.health);
    const either = AbortSignal.any([signal, ended.signal]);
    try {
      const giveUpAt = Date.now() + (silent ? silentMs : timeoutMs);
      for (;;) {
        const { reason } = await probe.check();
        if (end !== '') throw new Error(withLastLine(`it ended with ${end}`, log));
        signal.throwIfAborted();
        if (reason === '') break;
        if (Date.now() > giveUpAt) {
          if (silent) break;
          throw new Error(withLastLine(`after ${formatDuration(timeoutMs)} ${reason}`, log));
        }
        await sleep(firstProbeIntervalMs / 2, undefined, { signal: either }).catch(() => undefined);
      }
    } catch (error) {
      await running.stop(0);
      this.#release();
      throw error;
    } finally {
      probe.close();
    }
    this.#tried = running;
    await this.#process.start();
    this.#reason = '';
    this.#probing = this.#probe();
  }

  /** Keeps it from running until it is released; `reason` says why. */
  withhold(reason: string): Promise<void> {
    return this.#process.hold(drainMs, reason);
  }

  /** Lets a process that somebody else starts take its place, after its own has exited. */
  lend(): void {
    this.#removeSocket();
    this.#lent = true;
    this.#update('the process under `weft run` does not listen yet');
  }

  /** Ends the loan. Its own process starts again, unless `withheld` says why not. */
  takeBack(withheld?: string): void {
    this.#lent = false;
    if (withheld === undefined) this.#process.release();
    else this.#update(withheld);
  }

  /** Stops it. After SIGTERM it serves for a while first; SIGINT is for a process that no longer gets calls. */
  async stop(signal: StopSignal): Promise<void> {
    this.#stopped.abort();
    await this.#process.stop(drainMs, signal);
    await this.#probing;
    this.#release();
  }

  #release(): void {
    this.#removeSocket();
    if ('port' in this.listen) releasePort(this.listen.port);
  }

  /** Stops it when it no longer gets calls: with SIGINT, on which the kit stops at once, or as any other program expects. */
  retire(): Promise<void> {
    return this.stop(this.#options.service.command ? 'SIGTERM' : 'SIGINT');
  }

  async #launch(): Promise<Running> {
    const { service, log } = this.#options;
    const { process } = this;
    checkStartable(process, service.file);
    checkMain(service);
    this.#removeSocket();
    return await startProgram({ ...process, log });
  }

  #removeSocket(): void {
    if ('path' in this.listen) rmSync(this.listen.path, { force: true });
  }

  async #probe(): Promise<void> {
    const probe = healthProbe(this.listen, this.#options.service.health);
    const { signal } = this.#stopped;
    let late = 0;
    while (!signal.aborted) {
      const { pid } = this;
      const lent = this.#lent;
      if (pid !== undefined || lent) {
        const result = await probe.check();
        late = result.late ? late + 1 : 0;
        // One late answer proves nothing, nor does silence if a debugger may have paused the process. And the answer of a process
        // that has ended since says nothing of the next one.
        const told = result.late ? late > 1 && !lent : true;
        if (told && pid === this.pid && lent === this.#lent && !signal.aborted) this.#updateHealth(result.reason);
      }
      const intervalMs = this.#reason === '' ? probeIntervalMs : firstProbeIntervalMs;
      await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
    }
    probe.close();
  }

  #updateHealth(reason: string): void {
    this.#served ||= reason === '';
    this.#update(this.#served || this.#lent ? reason : this.#process.afterCrash(reason));
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
