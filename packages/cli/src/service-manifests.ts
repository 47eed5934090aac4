import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { reasonOf } from './command-error.ts';
import { type ManifestDefaults, parseServiceManifest, type ServiceManifest } from './service-manifest.ts';

/** A weft.yaml that is invalid or conflicts with another. */
export interface ManifestProblem {
  /** Relative to the project. */
  readonly file: string;
  /** A sentence with the field, what is wrong and what is expected. */
  readonly message: string;
}

/** Where a project keeps its services. */
export interface ServicePlaces extends ManifestDefaults {
  /** Each folder in them with a weft.yaml is a service. */
  readonly folders: readonly string[];
}

/** All services of a project, by folder, and those that are left out. */
export function readServiceManifests(places: ServicePlaces): {
  services: ServiceManifest[];
  problems: ManifestProblem[];
} {
  const services: ServiceManifest[] = [];
  const problems: ManifestProblem[] = [];
  for (const path of manifestPaths(places.folders)) {
    const file = relative(places.root, path);
    const leaveOut = (message: string) => problems.push({ file, message });
    try {
      const read = parseServiceManifest(readFileSync(path, 'utf8'), dirname(path), places);
      if ('message' in read) {
        leaveOut(read.message);
        continue;
      }
      const conflict = conflictOf(read, services);
      if (conflict) leaveOut(conflict);
      else services.push(read);
    } catch (error) {
      leaveOut(reasonOf(error));
    }
  }
  return { services, problems };
}

function manifestPaths(folders: readonly string[]): string[] {
  return folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder)
        .sort()
        .map((entry) => join(folder, entry, 'weft.yaml')),
    )
    .filter((path) => existsSync(path));
}

/** The conflict of a service with one that was read before, or undefined. */
export function conflictOf(service: ServiceManifest, others: readonly ServiceManifest[]): string | undefined {
  // Names must be unique across namespaces: replicas, logs and commands use the bare name.
  const namesake = others.find(({ name }) => name === service.name);
  if (namesake) return `name: ${service.name} is taken by ${namesake.file}; choose another`;
  const owner = others.find(({ schema }) => schema !== undefined && schema === service.schema);
  if (owner) return `schema: ${service.schema} belongs to ${owner.name} (${owner.file}); choose another`;
  return undefined;
}
