import { projectServices, usedProjects } from '../../elsewhere/project-services.ts';
import type { Project } from '../../project.ts';
import { Dev } from './dev.ts';
import type { DevMesh } from './dev-mesh.ts';
import { ProjectContracts } from './project-contracts.ts';

/**
 * Brings the edits of a project, and of the checkouts that it uses, into its mesh until `signal` is aborted: those from now on, as soon as the mesh is `up`. Resolves when
 * no later edit is missed.
 */
export async function followEdits(
  project: Project,
  mesh: DevMesh,
  up: Promise<void>,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const projects = [project, ...usedProjects(project)];
  const dev = new Dev({
    projects: await Promise.all(
      projects.map(async (each) => ({ ...each, contracts: await ProjectContracts.of(each) })),
    ),
    mesh,
    up,
    readServices: () => projectServices(project),
    say,
  });
  await dev.start(signal);
}
