import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { reasonOf } from '../command-error.ts';
import { type Project, servicePlaces } from '../project.ts';
import { projectFileName, type Use } from '../project-file.ts';
import type { ServiceManifest } from '../service-manifest.ts';
import { conflictOf, type ManifestProblem, readServiceManifests } from '../service-manifests.ts';
import { usedFake } from './used-fake.ts';
import { projectInFolder, usedFolder } from './used-folder.ts';
import { usedPackage } from './used-package.ts';
import type { UsedServices, UsingProject } from './used-service.ts';

/** All services of a project's mesh: its own, then those that it uses; and those that are left out. */
export function projectServices(project: Project): { services: ServiceManifest[]; problems: ManifestProblem[] } {
  const { services, problems } = readServiceManifests(servicePlaces(project));
  const user: UsingProject = {
    root: project.root,
    namespace: project.namespace,
    directories: [project.root, ...project.servicesDirs.flatMap(packagesIn)],
  };
  for (const [index, use] of project.uses.entries()) {
    const leaveOut = (message: string) =>
      problems.push({ file: projectFileName, message: `uses.${index}: ${message}` });
    try {
      const used = usedServices(use, user);
      for (const problem of used.problems) leaveOut(problem);
      for (const service of used.services) {
        const conflict = conflictOf(service, services);
        if (conflict) leaveOut(`${service.elsewhere?.what}: ${conflict}`);
        else services.push(service);
      }
    } catch (error) {
      leaveOut(reasonOf(error));
    }
  }
  return { services, problems };
}

/** The other projects whose contracts must be generated before their services can run. A missing project is left out. */
export function usedProjects({ root, uses }: Pick<Project, 'root' | 'uses'>): Project[] {
  return uses.flatMap((use) => {
    if (!('folder' in use)) return [];
    try {
      const project = projectInFolder(use.folder, { root });
      return typeof project === 'string' ? [] : [project];
    } catch {
      // Its project file is invalid, which projectServices() reports.
      return [];
    }
  });
}

function usedServices(use: Use, project: UsingProject): UsedServices {
  if ('folder' in use) return usedFolder(use, project);
  const service = 'fake' in use ? usedFake(use, project) : usedPackage(use.package, project);
  return typeof service === 'string' ? { services: [], problems: [service] } : { services: [service], problems: [] };
}

function packagesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return globSync('*/package.json', { cwd: folder })
    .sort()
    .map((file) => join(folder, file, '..'));
}
