import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { writeFileAtomically } from '../atomic-file.ts';
import { isNoSpace } from '../system-error.ts';

const recordSchema = z.object({
  name: z.string(),
  pid: z.int().positive(),
  /** Tells this process from a later one with the same number. */
  identity: z.string(),
});

/** A process that a supervisor started. */
export type ProcessRecord = Readonly<z.infer<typeof recordSchema>>;

/**
 * Remembers on disk which processes live, so that those of a supervisor that was killed can be found and ended.
 * A process number alone is not enough: numbers are used again.
 */
export class ProcessRecords {
  readonly #path: string;
  readonly #records = new Map<number, ProcessRecord>();

  constructor(path: string) {
    this.#path = path;
  }

  /** Remembers a process that was just started. */
  add(name: string, pid: number): void {
    const identity = processIdentity(pid);
    if (identity === undefined) return;
    this.#records.set(pid, { name, pid, identity });
    this.#write();
  }

  /** Forgets a process that has ended. */
  remove(pid: number): void {
    if (this.#records.delete(pid)) this.#write();
  }

  #write(): void {
    try {
      writeFileAtomically(this.#path, `${JSON.stringify([...this.#records.values()], undefined, 2)}\n`, 0o600);
    } catch (error) {
      // The next change writes all of them; a process that was started is not to be lost over it.
      if (!isNoSpace(error)) throw error;
    }
  }
}

/** The recorded processes that still live. */
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

/** Whether it is still the same process. */
export function isAlive(record: ProcessRecord): boolean {
  return processIdentity(record.pid) === record.identity;
}

/**
 * When a process began, in the words of its system; undefined when there is none (or only its remains, a zombie).
 * Linux: field 22 of /proc/PID/stat, clock ticks since boot (proc(5)), with the boot's id. Elsewhere: ps.
 */
export function processIdentity(pid: number): string | undefined {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The second field is the command in parentheses and may hold spaces and parentheses itself.
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
