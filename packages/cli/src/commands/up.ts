import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { didYouMean } from '@weft/compiler/model/did-you-mean';
import { Command, InvalidArgumentError, Option } from 'commander';
import { CommandError } from '../command-error.ts';
import { projectServices } from '../elsewhere/project-services.ts';
import { chosenState } from '../mesh-choice.ts';
import { weftHere } from '../package-manager.ts';
import { findProject, type Project } from '../project.ts';
import {
  checkFreeSpace,
  createStateDirectory,
  createStatePath,
  ownLog,
  type StateDirectory,
} from '../state-directory.ts';
import { canListen } from '../supervisor/free-port.ts';
import { endLeftovers } from '../supervisor/leftovers.ts';
import { type MeshLock, meshLockHolder, takeMeshLock } from '../supervisor/mesh-lock.ts';
import { SupervisorClient, type SupervisorStatus } from '../supervisor/supervisor-client.ts';
import { endLine, waitingLine } from '../terminal/progress.ts';
import { type Paint, paintFor } from '../terminal/style.ts';
import { troubleText, welcome } from '../welcome.ts';
import { stateOption } from './options.ts';

/** The options of `weft up` and `weft dev`. */
export interface UpOptions {
  readonly except: readonly string[];
  readonly detach: boolean;
  readonly port: number;
  readonly state?: string;
  readonly wait: number;
}

/** `weft up`: runs the whole mesh on this machine. */
export function upCommand(): Command {
  const up = new Command('up')
    .description(
      'Starts the control plane, every service with its Envoy, the edge, and PostgreSQL if a service has a schema. Waits until\n' +
        'every call that the contracts permit succeeds. If a service does not start, it is named and the rest of the mesh runs\n' +
        'without it. Stays in the foreground and shows the logs of all processes; Ctrl-C stops them all. Put your own manifests in\n' +
        '<state>/mesh/user.',
    )
    .option('-d, --detach', 'return when the mesh is up and leave it running', false);
  return withMeshOptions(up).action((options: UpOptions) => runMesh(options));
}

/** Adds the options of a command that runs the mesh. */
export function withMeshOptions(command: Command): Command {
  return command
    .addOption(new Option('--port <port>', 'the port of the edge').env('WEFT_PORT').default(8080).argParser(parsePort))
    .addOption(
      new Option('--wait <seconds>', 'how long a service may take to start before the mesh runs without it')
        .default(60)
        .argParser(parseSeconds),
    )
    .addOption(
      new Option('--except <names>', 'services whose processes you start yourself with `weft run`: orders,payments')
        .default([], 'none')
        .argParser(parseNames),
    )
    .addOption(stateOption());
}

/** Runs the mesh until it is stopped, or with `detach` until it is up. With `follow`, the mesh follows edits. */
export async function runMesh(options: UpOptions, { follow = false } = {}): Promise<void> {
  const project = findProject();
  const state = chosenState(options.state);
  const client = new SupervisorClient(state.controlSocket);
  const running = await client.status();
  if (running) throw alreadyRuns(running, running);
  checkServices(project, options.except);
  createStatePath(state);
  checkFreeSpace(state);
  const lock = takeMeshLock(state.lock);
  if ('holder' in lock) throw alreadyRuns(lock.holder, await client.status());
  // Do this before checking the port: an edge that a killed supervisor left behind still holds it.
  const ended = await endLeftovers(state);
  if (ended.length > 0) console.log(`  stopped what a killed mesh had left behind: ${ended.join(', ')}`);
  if (!(await canListen(options.port))) {
    throw new CommandError(
      `Port ${options.port} is in use; stop the process that listens there, or choose another port with --port or WEFT_PORT.`,
    );
  }
  createStateDirectory(state);
  if (options.detach) {
    await detach(options, state, lock);
    return;
  }
  // Loaded only here: no other command needs the whole supervisor, and each must answer at once.
  const { runSupervisor } = await import('../supervisor/run-supervisor.ts');
  await runSupervisor({
    project,
    state,
    except: new Set(options.except),
    port: options.port,
    waitMs: options.wait * 1_000,
    follow,
  });
}

/** The refusal to start a second mesh; `status` is what it says of itself, if it can already. */
function alreadyRuns({ pid }: { readonly pid: number }, status?: SupervisorStatus): CommandError {
  const where = status ? ` on port ${status.port}` : '';
  return new CommandError(
    `The mesh is already running${where} (process ${pid}); \`weft down\` stops it, \`weft status\` shows it.`,
  );
}

/** Fails if there is nothing to run, or if `except` names a service that does not exist. */
function checkServices(project: Project, except: readonly string[]): void {
  const { services, problems } = projectServices(project);
  const names = services.map(({ name }) => name);
  const unknown = except.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new CommandError(
      `--except: no service is named ${unknown}.${didYouMean(unknown, names)} Services: ${names.join(', ') || 'none'}.`,
    );
  }
  if (services.length === 0 && problems.length === 0) {
    throw new CommandError(
      `No service found: no folder of ${project.servicesDirs.join(', ')} has a weft.yaml; create a service with \`weft add service NAME\`.`,
    );
  }
}

/** Runs this command again in the background, leaves the lock to it, and shows its progress until the mesh is up. */
async function detach(options: UpOptions, state: StateDirectory, lock: MeshLock): Promise<void> {
  const paint = paintFor(process.stdout);
  mkdirSync(state.log, { recursive: true });
  const logFile = ownLog(state);
  writeFileSync(logFile, '', { mode: 0o600 });
  rmSync(`${logFile}.1`, { force: true });
  // Each write goes to its end, wherever that is after it was shortened.
  const log = openSync(logFile, 'a');
  const launcher = fileURLToPath(new URL('../../bin/weft.js', import.meta.url));
  const args = ['up', '--port', String(options.port), '--wait', String(options.wait), '--state', state.path];
  if (options.except.length > 0) args.push('--except', options.except.join(','));
  lock.release();
  const child = spawn(process.execPath, [launcher, ...args], {
    cwd: process.cwd(),
    detached: true,
    stdio: ['ignore', log, log],
  });
  const interrupt = () => child.kill('SIGTERM');
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  const status = await followDetached(child, state, paint, logFile);
  process.off('SIGINT', interrupt);
  process.off('SIGTERM', interrupt);
  child.unref();
  const hint = `The mesh runs in the background; \`${weftHere()} down\` stops it, \`${weftHere()} logs -f\` follows its log.`;
  const said = welcome(options.port, status.suggestions, paint, status.withoutConnect);
  console.log(`\n${[said, ...troubleText(status.troubles, paint), hint].join('\n\n')}`);
}

async function followDetached(
  child: ChildProcess,
  state: StateDirectory,
  paint: Paint,
  logFile: string,
): Promise<SupervisorStatus> {
  const client = new SupervisorClient(state.controlSocket);
  const told = new Set<string>();
  let lastWordAt = Date.now();
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) {
      const holder = meshLockHolder(state.lock);
      throw holder ? alreadyRuns(holder) : new CommandError(lastSentence(logFile));
    }
    const answer = await client.status().catch(() => undefined);
    // Before the child runs the mesh, another process may have begun to.
    const status = answer?.pid === child.pid ? answer : undefined;
    for (const step of status?.steps ?? []) {
      if ((!step.done && step.failed === undefined) || told.has(step.name)) continue;
      told.add(step.name);
      lastWordAt = Date.now();
      console.log(endLine(step, paint));
    }
    if (status?.phase === 'running') return status;
    if (Date.now() - lastWordAt > 2_500) {
      lastWordAt = Date.now();
      if (status?.steps.length) console.log(waitingLine(status.steps, paint));
    }
    await sleep(50);
  }
}

/** Why the detached command exited: its last sentence. */
function lastSentence(logFile: string): string {
  const lines = readFileSync(logFile, 'utf8').trim().split('\n');
  const said = lines.findLast((line) => line.startsWith('weft: '))?.slice('weft: '.length);
  return said ?? `The mesh stopped during startup; see ${logFile}.`;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new InvalidArgumentError('It must be a port from 1 to 65535.');
  return port;
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 3_600)) throw new InvalidArgumentError('It must be from 1 to 3600 seconds.');
  return seconds;
}

function parseNames(text: string): string[] {
  return text.split(',').filter(Boolean);
}
