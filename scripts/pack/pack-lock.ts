import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const pollMs = 100;

/**
 * Does `work` while no other process packs the packages of the repository at `root`: packing writes below packages/, too. The lock of a
 * process that has ended counts for nothing.
 */
export async function withPackLock<T>(root: string, work: () => Promise<T>): Promise<T> {
  const lock = join(root, 'dist/pack.lock');
  mkdirSync(join(root, 'dist'), { recursive: true });
  while (!take(lock)) await sleep(pollMs);
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function take(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  if (isHeld(lock)) return false;
  rmSync(lock, { force: true });
  return false;
}

function isHeld(lock: string): boolean {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    // It is empty for a moment after it was made.
    if (pid > 0) process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of somebody else (EPERM) lives.
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}
