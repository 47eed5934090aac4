import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { reasonOf } from '../../command-error.ts';
import type { Project } from '../../project.ts';
import { projectFileName } from '../../project-file.ts';
import type { ServiceManifest } from '../../service-manifest.ts';
import type { ManifestProblem } from '../../service-manifests.ts';
import { brokenWords, contractsOf, ownContracts } from '../prepare-project.ts';
import { usesContract } from './contract-users.ts';
import type { ChangedContract, DevContracts } from './dev-contracts.ts';
import type { DevMesh } from './dev-mesh.ts';
import { type Edit, followFiles } from './follow-files.ts';
import { ServiceUpdates } from './service-updates.ts';
import { childrenNamed, filesEnding, placesOf, type WatchedPlace } from './watched-place.ts';

const manifestName = 'weft.yaml';

/** A project whose edits are followed. */
export interface FollowedProject extends Pick<Project, 'name' | 'root' | 'contractsDirs' | 'servicesDirs'> {
  readonly contracts: DevContracts;
}

/** What `weft dev` follows and reports. */
export interface DevOptions {
  /** The project itself, then the other checkouts whose services it uses. */
  readonly projects: readonly FollowedProject[];
  readonly mesh: DevMesh;
  /** Resolves when edits can be applied to the mesh. */
  readonly up: Promise<void>;
  /** All services of the mesh as their manifests say now. */
  readonly readServices: () => {
    readonly services: readonly ServiceManifest[];
    readonly problems: readonly ManifestProblem[];
  };
  /** Prints one or more lines to the user. */
  readonly say: (text: string) => void;
}

/** Follows the edits of a project, and of the checkouts that it uses, and brings each into the running mesh. */
export class Dev {
  readonly #options: DevOptions;
  /** Messages about unreadable manifests by file, so that each is printed only once. */
  #said: ReadonlyMap<string, string> = new Map();

  /** The content of each project's file that the mesh was started with. */
  readonly #started: ReadonlyMap<string, string | undefined>;

  constructor(options: DevOptions) {
    this.#options = options;
    const files = options.projects.map(({ root }) => join(root, projectFileName));
    this.#started = new Map(files.map((file) => [file, contentOf(file)]));
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
    const { mesh, projects } = this.#options;
    return [
      ...projects.flatMap(({ root, contractsDirs, servicesDirs }) => [
        ...contractsDirs.map((folder) => filesEnding(folder, '.proto')),
        ...servicesDirs.map((folder) => childrenNamed(folder, manifestName)),
        ...placesOf(root, [projectFileName]),
      ]),
      ...mesh.services.flatMap(({ directory, watch }) => placesOf(directory, [manifestName, ...watch])),
    ];
  }

  async #take({ paths, savedAt }: Edit, updates: ServiceUpdates): Promise<void> {
    const { projects, mesh, say } = this.#options;
    const [own] = projects;
    for (const [file, started] of this.#started) {
      if (!paths.includes(file)) continue;
      const name = own ? relative(own.root, file) : file;
      const isApplied = contentOf(file) === started;
      if (!isApplied) say(`${name} has changed; start \`weft dev\` again to apply it`);
      mesh.note(name, isApplied ? undefined : 'it has changed; start `weft dev` again to apply it');
    }
    const changed: ChangedContract[] = [];
    for (const project of projects) {
      const { contractsDirs } = project;
      const protos = contractsDirs.map((folder) => filesEnding(folder, '.proto'));
      const isTheirs = (path: string) => protos.some((place) => isBelow(place.directory, path) && place.follows(path));
      if (paths.some(isTheirs)) changed.push(...(await this.#updateContracts(project)));
    }
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
  async #updateContracts(project: FollowedProject): Promise<readonly ChangedContract[]> {
    const { say, mesh, projects } = this.#options;
    const { problems, changed, warnings, diff } = await project.contracts.update();
    mesh.note(project === projects[0] ? ownContracts : contractsOf(project.name), brokenWords(problems));
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
    const { mesh, say } = this.#options;
    const byFile = Map.groupBy(problems, ({ file }) => file);
    const found = new Map(
      [...byFile].map(([file, all]) => [file, `${all.map(({ message }) => message).join('; ')}; nothing changes`]),
    );
    for (const [file, message] of found) {
      if (this.#said.get(file) !== message) say(`${file}: ${message}`);
      mesh.note(file, message);
    }
    for (const file of this.#said.keys()) {
      if (!found.has(file)) mesh.note(file, undefined);
    }
    this.#said = found;
  }
}

/** Whether a change to one of these files requires a restart of a service. Its manifest is compared by content. */
function isEdited({ directory, watch }: ServiceManifest, paths: readonly string[]): boolean {
  const places = placesOf(directory, watch);
  const manifest = join(directory, manifestName);
  return paths.some((path) => path !== manifest && places.some((place) => place.follows(path)));
}

/** Undefined if it cannot be read, as during a save. */
function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function isBelow(directory: string, path: string): boolean {
  return !relative(directory, path).startsWith('..');
}
