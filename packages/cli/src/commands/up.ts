import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { CommandError } from '../command-error.ts';
import { chosenState } from '../mesh-choice.ts';
import { findProject, type Project, servicePlaces } from '../project.ts';
import type { ServiceManifest } from '../service-manifest.ts';
import { readServiceManifests } from '../service-manifests.ts';
import type { StateDirectory } from '../state-directory.ts';
import { canListen } from '../supervisor/free-port.ts';
import { endLeftovers } from '../supervisor/leftovers.ts';
import { SupervisorClient } from '../supervisor/supervisor-client.ts';
import { doneLine, waitingLine } from '../terminal/progress.ts';
import { type Paint, paintFor } from '../terminal/style.ts';
import { welcome } from '../welcome.ts';
import { stateOption } from './options.ts';

interface UpOptions {
  readonly detach: boolean;
  readonly port: number;
  readonly state?: string;
  readonly wait: number;
}

/** `weft up`: the whole mesh on this machine. */
export function upCommand(): Command {
  return new Command('up')
    .summary('start the whole mesh on this machine')
    .description(
      'Starts PostgreSQL, the control plane, every service with its Envoy and the edge, and waits until an order can be placed.\n' +
        'It stays in the foreground with the logs of all processes; Ctrl-C stops them all. Manifests of your own go to <state>/mesh/user.',
    )
    .option('-d, --detach', 'return when an order can be placed, and leave the mesh running', false)
    .addOption(new Option('--port <port>', 'the port of the edge').env('WEFT_PORT').default(8080).argParser(parsePort))
    .addOption(new Option('--wait <seconds>', 'how long it may take').default(180).argParser(parseSeconds))
    .addOption(stateOption())
    .action((options: UpOptions) => up(options));
}

async function up(options: UpOptions): Promise<void> {
  const project = findProject();
  const state = chosenState(options.state);
  const running = await new SupervisorClient(state.controlSocket).status();
  if (running) {
    throw new CommandError(
      `The mesh already runs on port ${running.port} (process ${running.pid}); \`make down\` stops it, \`npx weft status\` shows it.`,
    );
  }
  const services = readServices(project);
  // Before the port is looked at: an edge that a killed supervisor has left still holds it.
  const ended = await endLeftovers(state);
  if (ended.length > 0) console.log(`  ended what a killed mesh had left: ${ended.join(', ')}`);
  if (!(await canListen(options.port))) {
    throw new CommandError(
      `Port ${options.port} is taken; stop what listens there or choose another with WEFT_PORT=8081.`,
    );
  }
  if (options.detach) {
    await detach(options, state, services);
    return;
  }
  // Loaded only here: no other command needs the whole supervisor, and each is to answer at once.
  const { runSupervisor } = await import('../supervisor/run-supervisor.ts');
  await runSupervisor({ project, state, services, port: options.port, waitMs: options.wait * 1_000 });
}

/** All services that can be read. One that cannot is named; where others need it, nothing is started. */
function readServices(project: Project): ServiceManifest[] {
  const { services, problems } = readServiceManifests(servicePlaces(project));
  for (const { service: name, file, message } of problems) {
    // Its contract is one that the others may call.
    const contracts = existsSync(project.descriptorsDir) ? readdirSync(project.descriptorsDir) : [];
    if (contracts.some((contract) => contract.endsWith(`.${name}.binpb`))) {
      throw new CommandError(`${file} cannot be read (${message}), and other services may call ${name}; correct it.`);
    }
    console.error(`weft: ${file} cannot be read (${message}); ${name} is left out.`);
  }
  if (services.length === 0) throw new CommandError(`No service was found: no ${project.servicesDir}/*/weft.yaml.`);
  return services;
}

/** Runs this command again without a terminal, and shows its progress until it is ready. */
async function detach(options: UpOptions, state: StateDirectory, services: readonly ServiceManifest[]): Promise<void> {
  const paint = paintFor(process.stdout);
  mkdirSync(state.log, { recursive: true });
  const logFile = join(state.log, 'up.log');
  const log = openSync(logFile, 'w', 0o600);
  const launcher = fileURLToPath(new URL('../../bin/weft.js', import.meta.url));
  const args = ['up', '--port', String(options.port), '--wait', String(options.wait), '--state', state.path];
  const child = spawn(process.execPath, [launcher, ...args], {
    cwd: process.cwd(),
    detached: true,
    stdio: ['ignore', log, log],
  });
  const interrupt = () => child.kill('SIGTERM');
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  await followDetached(child, state, paint, logFile);
  process.off('SIGINT', interrupt);
  process.off('SIGTERM', interrupt);
  child.unref();
  console.log(
    `\n${welcome(options.port, services, paint)}\n\nIt runs in the background; \`make down\` stops it, \`npx weft logs\` follows it.`,
  );
}

async function followDetached(
  child: ChildProcess,
  state: StateDirectory,
  paint: Paint,
  logFile: string,
): Promise<void> {
  const client = new SupervisorClient(state.controlSocket);
  const told = new Set<string>();
  let lastWordAt = Date.now();
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) throw new CommandError(lastSentence(logFile));
    const status = await client.status().catch(() => undefined);
    for (const step of status?.steps ?? []) {
      if (!step.done || told.has(step.name)) continue;
      told.add(step.name);
      lastWordAt = Date.now();
      console.log(doneLine(step, paint));
    }
    if (status?.phase === 'running') return;
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
