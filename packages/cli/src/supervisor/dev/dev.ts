import { join, relative } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { reasonOf } from '../../command-error.ts';
import type { Project } from '../../project.ts';
import { projectFileName } from '../../project-file.ts';
import type { ServiceManifest } from '../../service-manifest.ts';
import type { ManifestProblem } from '../../service-manifests.ts';
import { usesContract } from './contract-users.ts';
import type { ChangedContract, DevContracts } from './dev-contracts.ts';
import type { DevMesh } from './dev-mesh.ts';
import { type Edit, followFiles } from './follow-files.ts';
import { ServiceUpdates } from './service-updates.ts';
import { childrenNamed, filesEnding, placesOf, type WatchedPlace } from './watched-place.ts';

const manifestName = 'weft.yaml';

/** What `weft dev` follows and reports. */
export interface DevOptions {
  readonly project: Pick<Project, 'root' | 'contractsDirs' | 'servicesDirs'>;
  readonly mesh: DevMesh;
  /** Resolves when edits can be applied to the mesh. */
  readonly up: Promise<void>;
  readonly contracts: DevContracts;
  /** All services of the project, from their current manifests. */
  readonly readServices: () => {
    readonly services: readonly ServiceManifest[];
    readonly problems: readonly ManifestProblem[];
  };
  /** Prints one or more lines to the user. */
  readonly say: (text: string) => void;
}

/** Follows the edits of a project and applies each to the running mesh. */
export class Dev {
  readonly #options: DevOptions;
  /** Messages about unreadable manifests, so that each is printed only once. */
  #said = new Set<string>();

  constructor(options: DevOptions) {
    this.#options = options;
  }

  /** Starts to follow edits until `signal` is aborted. Resolves when no later edit will be missed. */
  async start(signal: AbortSignal): Promise<void> {
    const updates = new ServiceUpdates(this.#options.mesh, this.#options.say, signal);
    const edited = async (edit: Edit) => {
      await this.#options.up;
      if (signal.aborted) return;
      try {
        await this.#take(edit, updates);
      } catch (error) {
        this.#options.say(reasonOf(error));
      }
    };
    await followFiles(() => this.#places(), edited, signal);
  }

  #places(): readonly WatchedPlace[] {
    const { mesh, project } = this.#options;
    return [
      ...project.contractsDirs.map((folder) => filesEnding(folder, '.proto')),
      ...project.servicesDirs.map((folder) => childrenNamed(folder, manifestName)),
      ...mesh.services.flatMap(({ directory, watch }) => placesOf(directory, [manifestName, ...watch])),
      ...placesOf(project.root, [projectFileName]),
    ];
  }

  async #take({ paths, savedAt }: Edit, updates: ServiceUpdates): Promise<void> {
    const { project, mesh, say } = this.#options;
    if (paths.includes(join(project.root, projectFileName))) {
      say(`${projectFileName} has changed; start \`weft dev\` again to apply it`);
    }
    const protos = project.contractsDirs.map((folder) => filesEnding(folder, '.proto'));
    const ofContracts = paths.some((path) =>
      protos.some((place) => isBelow(place.directory, path) && place.follows(path)),
    );
    const changed = ofContracts ? await this.#updateContracts() : [];
    const { services, problems } = this.#options.readServices();
    this.#sayProblems(problems);
    const running = new Map(mesh.services.map((service) => [service.name, service]));
    for (const [name, { file }] of running) {
      const isBroken = problems.some((problem) => problem.file === file);
      if (!isBroken && !services.some((service) => service.name === name)) await updates.end(name);
    }
    for (const service of services) {
      const before = running.get(service.name);
      const isNew = !before || !isDeepStrictEqual(before, service);
      if (isNew || isEdited(service, paths) || changed.some((contract) => usesContract(service, contract))) {
        updates.begin({ service, savedAt });
      }
    }
  }

  /** Applies the current .proto files. Returns the contracts that changed. */
  async #updateContracts(): Promise<readonly ChangedContract[]> {
    const { say } = this.#options;
    const { problems, changed, warnings, diff } = await this.#options.contracts.update();
    if (problems.length > 0) {
      say([...problems, 'The contracts are unchanged; the next save tries again.'].join('\n'));
      return [];
    }
    if (warnings.length > 0) say(warnings.join('\n'));
    if (changed.length > 0) {
      const names = changed.map(({ logicalName }) => logicalName).join(', ');
      say(`${names} changed${diff === '' ? '; nothing changes for any caller' : `:\n${diff}`}`);
    }
    return changed;
  }

  #sayProblems(problems: readonly ManifestProblem[]): void {
    const lines = new Set(problems.map(({ file, message }) => `${file}: ${message}; nothing changes`));
    for (const line of lines) {
      if (!this.#said.has(line)) this.#options.say(line);
    }
    this.#said = lines;
  }
}

/** Whether a change to one of these files requires a restart of a service. Its manifest is compared by content. */
function isEdited({ directory, watch }: ServiceManifest, paths: readonly string[]): boolean {
  const places = placesOf(directory, watch);
  const manifest = join(directory, manifestName);
  return paths.some((path) => path !== manifest && places.some((place) => place.follows(path)));
}

function isBelow(directory: string, path: string): boolean {
  return !relative(directory, path).startsWith('..');
}
