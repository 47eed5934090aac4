import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** CPU that a process has used, user and system, in milliseconds (in steps of 10); NaN where there is no /proc. */
export function cpuMs(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return Number.NaN;
  }
}

/** CPU that all threads of processes have used together, in microseconds; NaN where there is no /proc. */
export function cpuMicros(...pids: readonly number[]): number {
  try {
    const threads = pids.flatMap((pid) => readdirSync(`/proc/${pid}/task`).map((id) => `/proc/${pid}/task/${id}`));
    const nanos = threads.map((path) => Number(readFileSync(`${path}/schedstat`, 'utf8').split(' ')[0]));
    return nanos.reduce((sum, each) => sum + each, 0) / 1000;
  } catch {
    return Number.NaN;
  }
}

/** Resident memory of processes together, in MB; pages that they share count for each. */
export function residentMegabytes(...pids: readonly number[]): number {
  const table = execFileSync('ps', ['-o', 'rss=', '-p', pids.join(',')], { encoding: 'utf8' });
  const rows = table.trim().split('\n');
  return rows.reduce((sum, row) => sum + Number(row), 0) / 1024;
}
