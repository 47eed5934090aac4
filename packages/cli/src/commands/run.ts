import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { Command } from 'commander';
import { CommandError, reasonOf } from '../command-error.ts';
import { chosenState } from '../mesh-choice.ts';
import { type BorrowedProcess, SupervisorClient } from '../supervisor/supervisor-client.ts';
import { stateOption } from './options.ts';

/** `weft run`: a service's process in the foreground, behind its replica's Envoy. */
export function runCommand(): Command {
  return new Command('run')
    .description(
      'Ends the processes of a service in the running mesh and runs one in their place, with the environment of the first replica and\n' +
        'behind its Envoy, until it ends. As `weft run orders -- node --inspect-brk src/main.ts`.',
    )
    .argument('<service>', 'its name')
    .argument('[command...]', 'what to run instead of what its weft.yaml says; in its working directory')
    .addOption(stateOption())
    .action(async (service: string, command: readonly string[], options: { state?: string }) => {
      const borrowed = await new SupervisorClient(chosenState(options.state).controlSocket).borrow(service);
      process.exitCode = await runBorrowed(borrowed, command.length > 0 ? command : borrowed.command);
    });
}

/** What belongs to the terminal or to the debugger that was attached to it. */
const terminalVariables = /^(TERM|COLORTERM|NO_COLOR|FORCE_COLOR|NODE_OPTIONS|VSCODE_.*)$/;

/** Runs it to its end, and gives back the replica. Resolves with its exit code. */
async function runBorrowed(borrowed: BorrowedProcess, command: readonly string[]): Promise<number> {
  const [file = '', ...args] = command;
  const own = Object.entries(process.env).filter(([name]) => terminalVariables.test(name));
  const env = { ...Object.fromEntries(own), ...borrowed.env };
  console.error(`weft: runs as ${borrowed.replica}`);
  const child = spawn(file, args, { cwd: borrowed.cwd, env, stdio: 'inherit' });
  // The terminal sends Ctrl-C to both, and only the child decides what it means. A signal to this process alone is passed on.
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
        reject(
          new CommandError(`${file} does not start in ${borrowed.cwd} (${reasonOf(error)}); correct the command.`),
        ),
      );
      child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
    });
  } finally {
    if (stopped) console.error('weft: the mesh has stopped, and this process with it');
    borrowed.end();
  }
}
