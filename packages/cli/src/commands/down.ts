import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { chosenState } from '../mesh-choice.ts';
import type { StateDirectory } from '../state-directory.ts';
import { endLeftovers } from '../supervisor/leftovers.ts';
import { meshLockHolder } from '../supervisor/mesh-lock.ts';
import { isAlive, livingProcesses, type ProcessRecord, processIdentity } from '../supervisor/process-records.ts';
import { SupervisorClient, type SupervisorStatus } from '../supervisor/supervisor-client.ts';
import { stateOption } from './options.ts';

/** Longer than any process takes to drain. */
const giveUpMs = 60_000;

/** `weft down`: stops the mesh, however it was started. */
export function downCommand(): Command {
  return new Command('down')
    .description('Stops the mesh and waits until all of its processes have exited. Keeps its data.')
    .addOption(stateOption())
    .action(async (options: { state?: string }) => {
      console.log(await down(chosenState(options.state)));
    });
}

/** Stops the mesh of a state directory and returns a sentence that says what was done. */
export async function down(state: StateDirectory): Promise<string> {
  const client = new SupervisorClient(state.controlSocket);
  const status = await startedStatus(client, state);
  if (!status) {
    const ended = await endLeftovers(state);
    if (ended.length === 0) return 'No mesh is running here.';
    return `The mesh had been killed; stopped the processes that it left behind: ${ended.join(', ')}.`;
  }
  const supervisor: ProcessRecord = { name: 'weft up', pid: status.pid, identity: processIdentity(status.pid) ?? '' };
  await client.down();
  const startedAt = Date.now();
  let toldAt = startedAt;
  while (isAlive(supervisor)) {
    if (Date.now() - startedAt > giveUpMs) {
      throw new CommandError(
        `The mesh did not stop within ${giveUpMs / 1_000} s; kill process ${status.pid}, then run \`weft down\` again.`,
      );
    }
    if (Date.now() - toldAt > 2_000) {
      toldAt = Date.now();
      console.log(`  … ${livingProcesses(state.processes).length} processes are still draining`);
    }
    await sleep(50);
  }
  const left = await endLeftovers(state);
  return left.length === 0
    ? 'The mesh has stopped.'
    : `The mesh has stopped; also stopped the processes that it left behind: ${left.join(', ')}.`;
}

/** The status of a mesh, also of one that a command is about to start; undefined: none runs. */
async function startedStatus(
  client: SupervisorClient,
  { lock }: StateDirectory,
): Promise<SupervisorStatus | undefined> {
  const end = Date.now() + giveUpMs;
  for (;;) {
    const status = await client.status();
    if (status) return status;
    const holder = meshLockHolder(lock);
    if (!holder) return undefined;
    if (Date.now() > end) {
      throw new CommandError(
        `The process ${holder.pid} began to start a mesh and does not answer; kill it, then run \`weft down\` again.`,
      );
    }
    await sleep(50);
  }
}
