import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { didYouMean } from '@weft/compiler/model/did-you-mean';
import { Command, InvalidArgumentError, Option } from 'commander';
import { CommandError } from '../command-error.ts';
import { projectServices } from '../elsewhere/project-services.ts';
import { chosenState } from '../mesh-choice.ts';
import { weftHere } from '../package-manager.ts';
import { findProject, type Project } from '../project.ts';
import { checkFreeSpace, createStateDirectory, type StateDirectory } from '../state-directory.ts';
import { canListen } from '../supervisor/free-port.ts';
import { endLeftovers } from '../supervisor/leftovers.ts';
import { SupervisorClient, type SupervisorStatus } from '../supervisor/supervisor-client.ts';
import { endLine, waitingLine } from '../terminal/progress.ts';
import { type Paint, paintFor } from '../terminal/style.ts';
import { troubleText, welcome } from '../welcome.ts';
import { stateOption } from './options.ts';

/** What `weft up` and `weft dev` can be told. */
export interface UpOptions {
  readonly except: readonly string[];
  readonly detach: boolean;
  readonly port: number;
  readonly state?: string;
  readonly wait: number;
}

/** `weft up`: the whole mesh on this machine. */
export function upCommand(): Command {
  const up = new Command('up')
    .description(
      'Starts the control plane, every service with its Envoy, the edge, and PostgreSQL where a service has a schema. Waits until every\n' +
        'call that the contracts permit gets through. What does not come up is named, and the rest goes on without it. It stays in the\n' +
        'foreground with the logs of all processes; Ctrl-C stops them all. Manifests of your own go to <state>/mesh/user.',
    )
    .option('-d, --detach', 'return when the mesh is up, and leave it running', false);
  return withMeshOptions(up).action((options: UpOptions) => runMesh(options));
}

/** Adds the options of a command that runs the mesh. */
export function withMeshOptions(command: Command): Command {
  return command
    .addOption(new Option('--port <port>', 'the port of the edge').env('WEFT_PORT').default(8080).argParser(parsePort))
    .addOption(
      new Option('--wait <seconds>', 'how long a service may take to serve before the mesh is up without it')
        .default(60)
        .argParser(parseSeconds),
    )
    .addOption(
      new Option('--except <names>', 'services whose processes you start yourself, by `weft run`: orders,payments')
        .default([], 'none')
        .argParser(parseNames),
    )
    .addOption(stateOption());
}

/** Runs the mesh until it is stopped, or until it is up when it is to be detached; with `follow`, edits are brought into it. */
export async function runMesh(options: UpOptions, { follow = false } = {}): Promise<void> {
  const project = findProject();
  const state = chosenState(options.state);
  const running = await new SupervisorClient(state.controlSocket).status();
  if (running) {
    throw new CommandError(
      `The mesh already runs on port ${running.port} (process ${running.pid}); \`weft down\` stops it, \`weft status\` shows it.`,
    );
  }
  checkServices(project, options.except);
  // Before the port is looked at: an edge that a killed supervisor has left still holds it.
  const ended = await endLeftovers(state);
  if (ended.length > 0) console.log(`  ended what a killed mesh had left: ${ended.join(', ')}`);
  if (!(await canListen(options.port))) {
    throw new CommandError(
      `Port ${options.port} is taken; stop what listens there, or choose another with --port or WEFT_PORT.`,
    );
  }
  createStateDirectory(state);
  checkFreeSpace(state);
  if (options.detach) {
    await detach(options, state);
    return;
  }
  // Loaded only here: no other command needs the whole supervisor, and each is to answer at once.
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

/** Fails where there is nothing to run, or where `except` names what is not there. */
function checkServices(project: Project, except: readonly string[]): void {
  const { services, problems } = projectServices(project);
  const names = services.map(({ name }) => name);
  const unknown = except.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new CommandError(
      `--except: no service is called ${unknown}.${didYouMean(unknown, names)} There are ${names.join(', ') || 'none'}.`,
    );
  }
  if (services.length === 0 && problems.length === 0) {
    throw new CommandError(
      `No service was found: no weft.yaml in a folder of ${project.servicesDirs.join(', ')}; \`weft add service NAME\` makes one.`,
    );
  }
}

/** Runs this command again without a terminal, and shows its progress until it is ready. */
async function detach(options: UpOptions, state: StateDirectory): Promise<void> {
  const paint = paintFor(process.stdout);
  mkdirSync(state.log, { recursive: true });
  const logFile = join(state.log, 'up.log');
  const log = openSync(logFile, 'w', 0o600);
  const launcher = fileURLToPath(new URL('../../bin/weft.js', import.meta.url));
  const args = ['up', '--port', String(options.port), '--wait', String(options.wait), '--state', state.path];
  if (options.except.length > 0) args.push('--except', options.except.join(','));
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
  const hint = `It runs in the background; \`${weftHere()} down\` stops it, \`${weftHere()} logs -f\` follows it.`;
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
    if (child.exitCode !== null || child.signalCode !== null) throw new CommandError(lastSentence(logFile));
    const status = await client.status().catch(() => undefined);
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

/** Why the detached command has ended: its own last sentence. */
function lastSentence(logFile: string): string {
  const lines = readFileSync(logFile, 'utf8').trim().split('\n');
  const said = lines.findLast((line) => line.startsWith('weft: '))?.slice('weft: '.length);
  return said ?? `The mesh ended while it started; ${logFile} says why.`;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new InvalidArgumentError('A port is from 1 to 65535.');
  return port;
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 3_600)) throw new InvalidArgumentError('Seconds are from 1 to 3600.');
  return seconds;
}

function parseNames(text: string): string[] {
  return text.split(',').filter(Boolean);
}
