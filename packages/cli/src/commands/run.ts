import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { Command } from 'commander';
import { CommandError, reasonOf } from '../command-error.ts';
import { chosenState } from '../mesh-choice.ts';
import { type BorrowedProcess, SupervisorClient } from '../supervisor/supervisor-client.ts';
import { stateOption } from './options.ts';

/** `weft run`: runs a service's process in the foreground, behind its replica's Envoy. */
export function runCommand(): Command {
  return new Command('run')
    .description(
      'Stops the processes of a service in the running mesh and runs one in their place until it exits, with the environment of the\n' +
        'first replica and behind its Envoy. For example: `weft run orders -- node --inspect-brk src/main.ts`.',
    )
    .argument('<service>', 'the name of the service')
    .argument('[command...]', 'what to run in its working directory (default: the command in its weft.yaml)')
    .addOption(stateOption())
    .action(async (service: string, command: readonly string[], options: { state?: string }) => {
      const borrowed = await new SupervisorClient(chosenState(options.state).controlSocket).borrow(service, command);
      process.exitCode = await runBorrowed(borrowed, command.length > 0 ? command : borrowed.command);
    });
}

/** Variables that belong to the terminal or to a debugger attached to it. */
const terminalVariables = /^(TERM|COLORTERM|NO_COLOR|FORCE_COLOR|NODE_OPTIONS|VSCODE_.*)$/;

/** Runs the process until it exits, then returns the replica to the supervisor. Resolves with the exit code. */
async function runBorrowed(borrowed: BorrowedProcess, command: readonly string[]): Promise<number> {
  const [file = '', ...args] = command;
  const own = Object.entries(process.env).filter(([name]) => terminalVariables.test(name));
  const env = { ...Object.fromEntries(own), ...borrowed.env };
  console.error(`weft: running as ${borrowed.replica}`);
  const child = spawn(file, args, { cwd: borrowed.cwd, env, stdio: 'inherit' });
  // The terminal sends Ctrl-C to both processes, and only the child handles it. This process forwards other signals.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  let stopped = false;
  void borrowed.gone.then(() => {
    stopped = true;
    child.kill('SIGTERM');
  });
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (error) =>
        reject(new CommandError(`${file} does not start in ${borrowed.cwd} (${reasonOf(error)}); fix the command.`)),
      );
      child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
    });
  } finally {
    if (stopped) console.error('weft: the mesh has stopped, so this process was stopped too');
    borrowed.end();
  }
}
