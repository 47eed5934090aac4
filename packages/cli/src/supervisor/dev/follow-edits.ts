import { projectServices } from '../../elsewhere/project-services.ts';
import type { Project } from '../../project.ts';
import { Dev } from './dev.ts';
import type { DevMesh } from './dev-mesh.ts';
import { ProjectContracts } from './project-contracts.ts';

/**
 * Applies the edits of a project to its mesh until `signal` is aborted: all edits from now on, as soon as the mesh is `up`. Resolves when
 * no later edit will be missed.
 */
export async function followEdits(
  project: Project,
  mesh: DevMesh,
  up: Promise<void>,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const dev = new Dev({
    project,
    mesh,
    up,
    contracts: await ProjectContracts.of(project),
    readServices: () => projectServices(project),
    say,
  });
  await dev.start(signal);
}
