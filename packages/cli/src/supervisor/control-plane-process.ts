import { existsSync as hasSocket, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GetStatusResponse } from '@weft/api/weft/api/v1/mesh';
import { CommandError, reasonOf } from '../command-error.ts';
import { meshClient } from '../mesh-client.ts';
import type { Project } from '../project.ts';
import { controlPlaneProgram } from './control-plane-program.ts';
import { heldReason, KeptProcess } from './kept-process.ts';
import type { ProcessLog } from './logs.ts';
import type { MeshRun } from './mesh-run.ts';
import { startProgram } from './running.ts';

const stopMs = 5_000;
/** The same as in its image, which explains the value. */
const memoryVariables = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '131072' };

/** The control plane as a process. */
export class ControlPlaneProcess {
  readonly #run: MeshRun;
  readonly #log: ProcessLog;
  readonly #process: KeptProcess;
  readonly #client;

  constructor(run: MeshRun, project: Project) {
    const { state } = run;
    this.#run = run;
    this.#log = run.logs.open('control-plane');
    this.#client = meshClient(state.apiSocket, 2_000);
    const places = ['--mesh', state.mesh, '--state', state.controlPlane, '--tokens', state.tokens];
    const addresses = ['--xds', `127.0.0.1:${run.xdsPort}`, '--api', `unix:${state.apiSocket}`];
    this.#process = new KeptProcess({
      name: 'control-plane',
      records: run.records,
      report: run.report,
      lastLine: () => this.#log.lastLine,
      start: () => {
        rmSync(state.apiSocket, { force: true });
        return startProgram({
          command: [process.execPath, '--max-semi-space-size=4', controlPlaneProgram(), ...places, ...addresses],
          cwd: project.root,
          env: { ...run.env, ...memoryVariables, OTEL_SERVICE_NAME: 'weft-control-plane' },
          log: this.#log,
        });
      },
    });
  }

  /** What `weft status` shows of it. */
  get facts() {
    return {
      name: 'control-plane',
      pid: this.#process.pid,
      reason: this.#process.reason,
      restarts: this.#process.restarts,
      listen: `127.0.0.1:${this.#run.xdsPort}`,
      log: this.#log.path,
    };
  }

  /** Starts it and waits until it answers. */
  async start(signal: AbortSignal, waiting: (reason: string) => void): Promise<void> {
    await this.#process.start();
    await this.#answers(signal, waiting);
  }

  async #answers(signal: AbortSignal, waiting: (reason: string) => void): Promise<void> {
    for (;;) {
      try {
        await this.status();
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (this.#process.hopeless) throw new CommandError(`The control plane ${this.#process.reason}.`);
        waiting(
          this.#process.reason || (hasSocket(this.#run.state.apiSocket) ? reasonOf(error) : 'it does not listen yet'),
        );
        await sleep(50, undefined, { signal });
      }
    }
  }

  /** Its current status. Rejects if it does not answer. */
  status(): Promise<GetStatusResponse> {
    return this.#client.getStatus({});
  }

  /** Stops it until it is released. */
  hold(): Promise<void> {
    return this.#process.hold(stopMs, heldReason('control-plane'));
  }

  /** Starts it again and waits until it answers. */
  async release(signal: AbortSignal): Promise<void> {
    this.#process.release();
    await this.#answers(signal, () => {});
  }

  async stop(): Promise<void> {
    await this.#process.stop(stopMs);
    rmSync(this.#run.state.apiSocket, { force: true });
    this.#log.close();
  }
}
