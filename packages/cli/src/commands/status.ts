import { toJson } from '@bufbuild/protobuf';
import { type GetStatusResponse, GetStatusResponseSchema } from '@weft/api/weft/api/v1/mesh';
import { Command } from 'commander';
import { CommandError, noAnswer } from '../command-error.ts';
import { chosenState, type MeshChoice } from '../mesh-choice.ts';
import { livingProcesses } from '../supervisor/process-records.ts';
import { notRunning, SupervisorClient } from '../supervisor/supervisor-client.ts';
import { paintFor } from '../terminal/style.ts';
import { withMesh } from '../with-mesh.ts';
import { clusterOption, jsonOption, namespaceOption, stateOption } from './options.ts';
import { renderStatus } from './render-status.ts';

/** `weft status`: the state of the mesh, and the configuration that each proxy has accepted. */
export function statusCommand(): Command {
  return new Command('status')
    .description(
      'Shows every service, replica and proxy, when its certificate expires, and which configuration it has acknowledged and since\n' +
        'when; then problems and refused calls. --json prints the whole answer of weft.api.v1 and, under "supervisor", the local\n' +
        'processes.',
    )
    .addOption(jsonOption())
    .addOption(stateOption())
    .addOption(clusterOption())
    .addOption(namespaceOption())
    .action(async (options: MeshChoice & { json: boolean }) => {
      // In a cluster there are no local processes to look after.
      const supervisor =
        options.cluster === undefined
          ? await new SupervisorClient(chosenState(options.state).controlSocket).status()
          : undefined;
      const mesh = await meshStatus(options);
      // Nobody looks after what a killed supervisor has left behind.
      const killed = options.cluster === undefined && !supervisor ? leftBehind(options.state) : undefined;
      if (!supervisor && 'error' in mesh) throw options.cluster === undefined ? (killed ?? notRunning()) : mesh.error;
      if (options.json) {
        const whole =
          'error' in mesh
            ? { error: mesh.error.message }
            : toJson(GetStatusResponseSchema, mesh.response, { alwaysEmitImplicit: true });
        console.log(JSON.stringify({ ...asObject(whole), supervisor: supervisor ?? null }, undefined, 2));
        if (killed) throw killed;
        return;
      }
      const response = 'error' in mesh ? undefined : mesh.response;
      const paint = paintFor(process.stdout);
      const shown = renderStatus({ mesh: response, supervisor, now: Date.now() }, paint);
      console.log(killed ? `${paint('red', killed.message)}\n\n${shown}` : shown);
      // It is already the first line.
      if (killed) process.exitCode = killed.exitCode;
      if ('error' in mesh) throw mesh.error;
    });
}

/** What to say of the processes that still run without their supervisor; undefined: none does. */
function leftBehind(state: string | undefined): CommandError | undefined {
  if (livingProcesses(chosenState(state).processes).length === 0) return undefined;
  return new CommandError(
    'The `weft up` of this mesh was killed; nothing restarts its processes; run `weft up` to start it again, or `weft down` to stop them.',
  );
}

async function meshStatus(choice: MeshChoice): Promise<{ response: GetStatusResponse } | { error: CommandError }> {
  try {
    return { response: await withMesh(choice, (mesh) => mesh.status()) };
  } catch (error) {
    return { error: noAnswer(error) };
  }
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}
