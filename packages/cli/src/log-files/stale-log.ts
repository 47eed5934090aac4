import { fstatSync, rmSync, statSync } from 'node:fs';

/** Removes the log at `path` that an earlier process wrote; keeps it if this process writes it, as its output at `descriptor`. */
export function removeStaleLog(path: string, descriptor = 1): void {
  const log = statSync(path, { throwIfNoEntry: false });
  if (!log) return;
  const output = fstatSync(descriptor);
  if (log.ino !== output.ino || log.dev !== output.dev) rmSync(path);
}
