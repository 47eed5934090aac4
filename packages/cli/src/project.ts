import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CommandError } from './command-error.ts';
import type { ServicePlaces } from './service-manifests.ts';

/** A checkout of a project that Weft runs. Every path is absolute. */
export interface Project {
  readonly root: string;
  /** Each directory in it with a weft.yaml is a service. */
  readonly servicesDir: string;
  /** Descriptor sets by logical name ("shop.orders.binpb"). */
  readonly descriptorsDir: string;
}

/** Finds the project around `cwd`: the nearest directory upwards with both proto/ and services/. */
export function findProject(cwd: string = process.cwd()): Project {
  for (let directory = resolve(cwd); ; directory = dirname(directory)) {
    if (existsSync(join(directory, 'proto')) && existsSync(join(directory, 'services'))) return projectAt(directory);
    if (directory === dirname(directory)) {
      throw new CommandError(
        `No Weft project at ${cwd} or above it; change to a directory that has proto/ and services/.`,
      );
    }
  }
}

/** The project at a known root. */
export function projectAt(root: string): Project {
  return {
    root,
    servicesDir: join(root, 'services'),
    descriptorsDir: join(root, 'packages/contracts/descriptors'),
  };
}

/** Where the services of a project are, and what their weft.yaml need not say. */
export function servicePlaces(project: Project): ServicePlaces {
  return {
    root: project.root,
    folders: [project.servicesDir],
    namespace: 'default',
    contractOf: () => undefined,
  };
}
