import { mkdirSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeFileAtomically } from '../atomic-file.ts';
import { type GenerateResult, generate } from '../generate/generate.ts';
import { type ProtoSources, protoSources } from '../generate/proto-sources.ts';
import { hasLockFile, install, packageManagerOf } from '../package-manager.ts';
import type { Project } from '../project.ts';
import { linkPackages, missingDependencies, versionOf } from './link-packages.ts';
import { placeService } from './place-service.ts';
import { contractProblems, planContracts } from './plan-contracts.ts';
import { renderTemplate, renderText } from './render-template.ts';
import { serviceNames } from './service-names.ts';
import { newPlaces } from './service-places.ts';
import { contractPackageOf, templateValues } from './template-values.ts';

const templates = fileURLToPath(new URL('../../templates/', import.meta.url));

/** What a new service is to be. */
export interface NewService {
  readonly name: string;
  /** Logical names of the contracts that it calls. */
  readonly calls: readonly string[];
  /** It owns a schema in PostgreSQL. */
  readonly database: boolean;
  /** One of `languages()`. */
  readonly language: string;
  /** Whether the package manager may be run. */
  readonly install: boolean;
}

/** What was added. Paths are relative to the project. */
export interface AddedService {
  readonly name: string;
  readonly logicalName: string;
  readonly folder: string;
  readonly contract: string;
  /** Contracts of others, which name the new service among their callers now. */
  readonly edited: readonly string[];
  /** What a person still has to do: sentences. */
  readonly advice: readonly string[];
}

/** The languages of which there is a template: the folders of templates/service. */
export async function languages(): Promise<string[]> {
  return (await readdir(join(templates, 'service'))).sort();
}

/**
 * Adds a service to a project: its contract, its name among the callers of those that it calls, what is generated, and its folder. Throws a
 * CommandError before anything is written for a name that is taken, an unknown callee and contracts that do not compile. `report` gets a
 * line for each step that takes time.
 */
export async function addService(
  project: Project,
  service: NewService,
  report: (line: string) => void,
): Promise<AddedService> {
  const names = serviceNames(project.name, service.name);
  const places = newPlaces(project, names, service);
  const sources = protoSources(project);
  const packageManager = packageManagerOf(project.root);
  const surroundings = { project, places, packageManager, installed: sources.installed };
  const template = await readFile(join(templates, 'contract/__file__.proto'), 'utf8');
  const draft = renderText(template, templateValues(surroundings, names, service, undefined));
  const { callers, sample } = await planContracts(
    project.root,
    sources,
    { logicalName: names.logicalName, importPath: places.importPath, text: draft },
    service.calls,
  );
  const values = templateValues(surroundings, names, service, sample);
  const files = await renderTemplate(join(templates, 'service', service.language), values);

  mkdirSync(dirname(places.contract), { recursive: true });
  writeFileAtomically(places.contract, renderText(template, values));
  const edited = sources.own.filter(({ importPath }) => callers.files.has(importPath));
  for (const { importPath, path } of edited) writeFileAtomically(path, callers.files.get(importPath) ?? '');
  const generated = await generate(project, report);
  if (generated.problems.length > 0) throw contractProblems(generated.problems, project.root);

  const packageJson = files.get('package.json');
  const advice = [...callers.advice];
  if (packageJson !== undefined) {
    const contracts = contractDependencies(project, [names.logicalName, ...service.calls], sources, generated);
    files.set('package.json', withDependencies(packageJson, contracts));
  }
  await placeService(places.folder, files, async () => {
    const failure = await makeInstalled(project, places.folder, files.get('package.json'), generated, service, report);
    if (failure !== undefined) advice.push(failure);
  });
  const at = (path: string) => relative(project.root, path);
  return {
    name: names.service,
    logicalName: names.logicalName,
    folder: at(places.folder),
    contract: at(places.contract),
    edited: edited.map(({ path }) => at(path)),
    advice,
  };
}

/** The ranges of versions of contract packages, by package name. */
function contractDependencies(
  project: Project,
  logicalNames: readonly string[],
  { installed }: ProtoSources,
  { contracts }: GenerateResult,
): Record<string, string> {
  const ranges = logicalNames.map((logicalName): [string, string] => {
    const own = contracts.find((each) => each.logicalName === logicalName);
    const version = own
      ? versionOf(own.directory)
      : installed.find((each) => each.logicalName === logicalName)?.version;
    return [own?.packageName ?? contractPackageOf(project, logicalName, installed), `^${version ?? '0.1.0'}`];
  });
  return Object.fromEntries(ranges);
}

function withDependencies(packageJson: string, added: Readonly<Record<string, string>>): string {
  const manifest = JSON.parse(packageJson);
  const all = Object.entries<string>({ ...manifest.dependencies, ...added });
  manifest.dependencies = Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/**
 * Makes a new service's packages found: links to the project's own, then the package manager where something is missing or a lock file has
 * to learn of them. Resolves with what a person has to do, if anything.
 */
async function makeInstalled(
  { root }: Project,
  folder: string,
  packageJson: string | undefined,
  { contracts }: GenerateResult,
  service: NewService,
  report: (line: string) => void,
): Promise<string | undefined> {
  if (packageJson === undefined) return undefined;
  const packageManager = packageManagerOf(root);
  // pnpm has a node_modules of its own for each package, and makes all links itself.
  if (packageManager !== 'pnpm') {
    const own = { name: JSON.parse(packageJson).name, directory: folder };
    linkPackages(root, [...contracts.map(({ packageName, directory }) => ({ name: packageName, directory })), own]);
  }
  const missing = missingDependencies(packageJson, folder);
  if (missing.length === 0 && !hasLockFile(root)) return undefined;
  if (service.install) {
    report(`${packageManager} install`);
    const failure = await install(packageManager, root);
    if (failure === undefined) return undefined;
    const what =
      missing.length > 0
        ? `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`
        : 'the lock file is incomplete';
    return `Run \`${packageManager} install\` again: it failed (${failure}), and ${what}.`;
  }
  return `Run \`${packageManager} install\`.`;
}
