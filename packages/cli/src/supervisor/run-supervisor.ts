import { EventEmitter, once } from 'node:events';
import { rmSync } from 'node:fs';
import { CommandError, reasonOf } from '../command-error.ts';
import type { Project } from '../project.ts';
import { createStateDirectory, ownLog, type StateDirectory } from '../state-directory.ts';
import { formatDuration } from '../terminal/duration.ts';
import { printTo } from '../terminal/print-to.ts';
import { Progress } from '../terminal/progress.ts';
import { paintFor } from '../terminal/style.ts';
import { troubleText, welcome } from '../welcome.ts';
import { type ControlSocket, serveControlSocket } from './control-socket.ts';
import { followEdits } from './dev/follow-edits.ts';
import { Logs } from './logs.ts';
import { prepareProject } from './prepare-project.ts';
import { livingProcesses } from './process-records.ts';
import { signalGroup } from './running.ts';
import { Supervisor } from './supervisor.ts';

/** What to run. */
export interface RunOptions {
  readonly project: Project;
  readonly state: StateDirectory;
  /** Services whose processes are not started. */
  readonly except: ReadonlySet<string>;
  readonly port: number;
  /** How long a service may take to serve before the mesh is up without it. */
  readonly waitMs: number;
  /** Apply edits of the project to the running mesh. */
  readonly follow: boolean;
}

/** How long everything else may take: a first start downloads Envoy. */
const foundationMs = 300_000;

/**
 * Runs a mesh in the foreground until a signal or another command stops it. A second signal kills every process at once.
 *
 * @throws CommandError if it does not start; all processes have then been stopped.
 */
export async function runSupervisor(options: RunOptions): Promise<void> {
  const { project, state, port, waitMs } = options;
  const paint = paintFor(process.stdout);
  const print = printTo(process.stdout, ownLog(state));
  const say = (text: string): void => print(`${paint('green', 'weft:')} ${text}`);
  createStateDirectory(state);
  const progress = new Progress(print, paint);
  const startedAt = Date.now();
  const supervisor = await Supervisor.create({
    ...options,
    ...(await prepareProject(project, progress)),
    progress,
    logs: new Logs(state.log, print, paint),
    report: (sentence) => print(paint('yellow', `weft: ${sentence}`)),
  });

  let suggestions: readonly string[] = [];
  let withoutConnect: readonly string[] = [];
  let phase: 'starting' | 'running' | 'stopping' = 'starting';
  const asked = new EventEmitter();
  const stopRequested = once(asked, 'stop');
  const abort = new AbortController();
  const requestStop = (): void => {
    if (phase === 'stopping') {
      // Asked a second time: exit at once. The next command finds what is left by its record.
      for (const { pid } of livingProcesses(state.processes)) signalGroup(pid, 'SIGKILL');
      process.exit(130);
    }
    phase = 'stopping';
    abort.abort(new CommandError('The mesh was stopped before it was up.', { exitCode: 130 }));
    asked.emit('stop');
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, requestStop);

  let socket: ControlSocket | undefined;
  try {
    socket = await serveControlSocket(state.controlSocket, {
      status: () => ({ ...supervisor.facts(), phase, port, suggestions, withoutConnect, steps: progress.steps }),
      scale: (service, replicas, gone) => supervisor.scale(service, replicas, gone),
      restart: (name, gone) => supervisor.restart(name, gone),
      hold: (name, held, gone) => (held ? supervisor.hold(name) : supervisor.release(name, gone)),
      lend: (service, command) => supervisor.lend(service, command),
      down: () => {
        if (phase !== 'stopping') requestStop();
      },
    });
    const up = Promise.withResolvers<void>();
    if (options.follow) await followEdits(options.project, supervisor, up.promise, say, abort.signal);
    await startInTime(supervisor, progress, abort.signal, foundationMs + 2 * waitMs);
    // A signal in the last moment of startup is handled elsewhere.
    if (!abort.signal.aborted) {
      suggestions = supervisor.suggestions;
      withoutConnect = supervisor.withoutConnect;
      phase = 'running';
      const hint = paint('dim', `Up after ${formatDuration(Date.now() - startedAt)}. Ctrl-C stops everything.`);
      const said = welcome(port, suggestions, paint, withoutConnect);
      print(`\n${[said, ...troubleText(supervisor.troubles, paint), hint].join('\n\n')}`);
      if (options.follow) print(paint('dim', 'Following edits.'));
      up.resolve();
      await stopRequested;
    }
  } finally {
    phase = 'stopping';
    const database = supervisor.hasDatabase ? ', PostgreSQL' : '';
    print(paint('dim', `Stopping: the edge, the services, the control plane${database} ...`));
    const stoppingAt = Date.now();
    await supervisor.stop();
    socket?.close();
    rmSync(state.run, { recursive: true, force: true });
    for (const signal of signals) process.off(signal, requestStop);
    print(paint('dim', `Stopped after ${formatDuration(Date.now() - stoppingAt)}; the data is in ${state.path}.`));
  }
}

async function startInTime(
  supervisor: Supervisor,
  progress: Progress,
  signal: AbortSignal,
  waitMs: number,
): Promise<void> {
  const timeout = AbortSignal.timeout(waitMs);
  const either = AbortSignal.any([signal, timeout]);
  try {
    await Promise.race([supervisor.start(either), once(either, 'abort').then(() => Promise.reject(either.reason))]);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (timeout.aborted) {
      const open = progress.steps.find(({ done }) => !done);
      const where = open ? `${open.name}${open.detail ? `: ${open.detail}` : ''}` : 'unknown';
      throw new CommandError(`The mesh was not up within ${formatDuration(waitMs)}; it waited for ${where}.`);
    }
    if (error instanceof CommandError) throw error;
    throw new CommandError(`The mesh did not start: ${reasonOf(error)}.`.replace(/\.\.$/, '.'), { cause: error });
  }
}
