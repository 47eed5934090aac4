import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { writeFileAtomically } from '../atomic-file.ts';
import { isNoSpace } from '../system-error.ts';

const recordSchema = z.object({
  name: z.string(),
  pid: z.int().positive(),
  /** Distinguishes this process from a later one with the same PID. */
  identity: z.string(),
});

/** A process that a supervisor started. */
export type ProcessRecord = Readonly<z.infer<typeof recordSchema>>;

/**
 * Records running processes on disk, so that those of a killed supervisor can be found and stopped. A PID alone is not enough, because PIDs
 * are reused.
 */
export class ProcessRecords {
  readonly #path: string;
  readonly #records = new Map<number, ProcessRecord>();

  constructor(path: string) {
    this.#path = path;
  }

  /** Records a process that was just started. */
  add(name: string, pid: number): void {
    const identity = processIdentity(pid);
    if (identity === undefined) return;
    this.#records.set(pid, { name, pid, identity });
    this.#write();
  }

  /** Removes the record of a process that has exited. */
  remove(pid: number): void {
    if (this.#records.delete(pid)) this.#write();
  }

  #write(): void {
    try {
      writeFileAtomically(this.#path, `${JSON.stringify([...this.#records.values()], undefined, 2)}\n`, 0o600);
    } catch (error) {
      // The next change writes all records. Do not fail a started process because of this.
      if (!isNoSpace(error)) throw error;
    }
  }
}

/** The recorded processes that are still running. */
export function livingProcesses(path: string): ProcessRecord[] {
  if (!existsSync(path)) return [];
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return [];
  }
  const records = z.array(recordSchema).safeParse(content);
  return records.success ? records.data.filter(isAlive) : [];
}

/** The process that a JSON text names; undefined: it names none. */
export function processRecord(text: string): ProcessRecord | undefined {
  try {
    return recordSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Whether it is still the same process. */
export function isAlive(record: ProcessRecord): boolean {
  return processIdentity(record.pid) === record.identity;
}

/**
 * When a process started, in the operating system's format; undefined if there is none, or only a zombie. Linux: field 22 of
 * /proc/PID/stat, clock ticks since boot (proc(5)), with the boot's id. Elsewhere: ps.
 */
export function processIdentity(pid: number): string | undefined {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The second field is the command in parentheses, which may itself contain spaces and parentheses.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const state = fields[0];
      return state === 'Z' || state === 'X' ? undefined : `${bootId()}/${fields[19]}`;
    } catch {
      return undefined;
    }
  }
  try {
    const text = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return text === '' || text.startsWith('Z') ? undefined : text.replace(/^\S+\s+/, '');
  } catch {
    return undefined;
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
