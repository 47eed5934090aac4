import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * The process id of the server that runs on a data directory, whoever started it; undefined when none does. A
 * postmaster.pid that a killed server left behind names no process, or one that is something else by now.
 */
export async function runningServer(dataDir: string): Promise<number | undefined> {
  const lines = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number(lines.split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  const command = await commandLine(pid);
  return command.includes('postgres') && command.includes(dataDir) ? pid : undefined;
}

/**
 * Stops the server on a data directory that an earlier process left running: fast shutdown, and after `timeoutMs`
 * (default 20 s) an immediate one. Does nothing when none runs.
 */
export async function stopRunningServer(dataDir: string, options: { timeoutMs?: number } = {}): Promise<void> {
  const pid = await runningServer(dataDir);
  if (pid === undefined) return;
  process.kill(pid, 'SIGINT');
  const giveUp = Date.now() + (options.timeoutMs ?? 20_000);
  let forced = false;
  while ((await runningServer(dataDir)) === pid) {
    if (Date.now() > giveUp && !forced) {
      forced = true;
      process.kill(pid, 'SIGQUIT');
    }
    await sleep(25);
  }
}

async function commandLine(pid: number): Promise<string> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
  } catch {
    // No /proc (macOS), or no such process: then ps finds none either.
    return run('ps', ['-o', 'command=', '-p', String(pid)]).then(
      ({ stdout }) => stdout,
      () => '',
    );
  }
}
