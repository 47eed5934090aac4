import { existsSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { stopRunningServer } from '@weft/dev-postgres';
import type { StateDirectory } from '../state-directory.ts';
import { isAlive, livingProcesses } from './process-records.ts';
import { signalGroup } from './running.ts';

const graceMs = 3_000;

/**
 * Stops the processes that a killed supervisor left running, in order, PostgreSQL last.
 *
 * @returns The names of the stopped processes.
 */
export async function endLeftovers(state: StateDirectory): Promise<string[]> {
  const leftovers = livingProcesses(state.processes).filter(({ name }) => name !== 'postgres');
  for (const { pid } of leftovers) signalGroup(pid, 'SIGTERM');
  const end = Date.now() + graceMs;
  while (leftovers.some(isAlive) && Date.now() < end) await sleep(25);
  for (const record of leftovers) {
    if (isAlive(record)) signalGroup(record.pid, 'SIGKILL');
  }
  while (leftovers.some(isAlive)) await sleep(10);
  const postgres = livingProcesses(state.processes).filter(({ name }) => name === 'postgres');
  await stopRunningServer(state.postgres);
  if (existsSync(state.processes)) rmSync(state.processes, { force: true });
  rmSync(state.run, { recursive: true, force: true });
  return [...leftovers, ...postgres].map(({ name }) => name);
}
