import { toJson } from '@bufbuild/protobuf';
import { type GetStatusResponse, GetStatusResponseSchema } from '@weft/api/weft/api/v1/mesh';
import { Command } from 'commander';
import { type CommandError, noAnswer } from '../command-error.ts';
import { chosenState, type MeshChoice } from '../mesh-choice.ts';
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
      if (!supervisor && 'error' in mesh) throw options.cluster === undefined ? notRunning() : mesh.error;
      if (options.json) {
        const whole =
          'error' in mesh
            ? { error: mesh.error.message }
            : toJson(GetStatusResponseSchema, mesh.response, { alwaysEmitImplicit: true });
        console.log(JSON.stringify({ ...asObject(whole), supervisor: supervisor ?? null }, undefined, 2));
        return;
      }
      const response = 'error' in mesh ? undefined : mesh.response;
      console.log(renderStatus({ mesh: response, supervisor, now: Date.now() }, paintFor(process.stdout)));
      if ('error' in mesh) throw mesh.error;
    });
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
