import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { ProcessLog } from './logs.ts';

/** SIGTERM: it keeps serving for a while. SIGINT: it no longer gets calls. */
export type StopSignal = 'SIGTERM' | 'SIGINT';

/** A process that was started. */
export interface Running {
  readonly pid: number;
  /** How it exited, in a few words: "exit code 1", "signal SIGKILL". */
  readonly exited: Promise<string>;
  /** Signals it to stop, with SIGTERM by default, and waits. Kills it if it takes longer than `timeoutMs`. */
  stop(timeoutMs: number, signal?: StopSignal): Promise<void>;
}

/** What to start. */
export interface Program {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly log: ProcessLog;
}

/** Starts a program in its own process group, so that Ctrl-C in the terminal reaches only the supervisor. */
export async function startProgram({ command, cwd, env, log }: Program): Promise<Running> {
  const [file = '', ...args] = command;
  log.forget();
  const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      const how = signal ? `signal ${signal}` : `exit code ${code}`;
      // Its last output may still be in the pipe. But a process that it started may keep the pipe open forever.
      child.once('close', () => resolve(how));
      setTimeout(() => resolve(how), 250).unref();
    });
  });
  for (const stream of [child.stdout, child.stderr]) follow(stream, log);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${file} has no process id`);
  // Its child processes are killed with it.
  void exited.then(() => signalGroup(pid, 'SIGKILL'));
  return {
    pid,
    exited,
    stop: async (timeoutMs, signal = 'SIGTERM') => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(signal);
      const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), timeoutMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Sends a signal to a process group, if it exists. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has already exited.
  }
}

function follow(stream: Readable, log: ProcessLog): void {
  createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => log.line(line));
}
