import type { Project } from '../project.ts';
import type { ServiceManifest } from '../service-manifest.ts';

/** The services of one entry of `uses`, and what is wrong with it. */
export interface UsedServices {
  readonly services: readonly ServiceManifest[];
  /** Sentences, each about one service or about the whole entry. */
  readonly problems: readonly string[];
}

/** The directories of a project in which npm packages may be installed. */
export interface UsingProject extends Pick<Project, 'root' | 'namespace'> {
  /** The root first, then each service, because package managers may give each its own node_modules. */
  readonly directories: readonly string[];
}
