import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { CommandError, reasonOf } from '../command-error.ts';

const dependencies = z.record(z.string(), z.string()).default({});
const packageSchema = z.looseObject({
  name: z.string().optional(),
  version: z.string().default('0.0.0'),
  description: z.string().optional(),
  packageManager: z.string().optional(),
  dependencies,
  optionalDependencies: dependencies,
  peerDependencies: dependencies,
  workspaces: z.union([z.array(z.string()), z.looseObject({ packages: z.array(z.string()) })]).optional(),
});

/** The fields of a package.json that packaging reads. */
export type PackageJson = z.infer<typeof packageSchema>;

/** The package manager. */
export type PackageManager = 'npm' | 'pnpm';

/** An installation: a directory with a lock file, and the packages in it that resolve each other. */
export interface Installation {
  readonly root: string;
  readonly manager: PackageManager;
  readonly lockFile: string;
}

/** A package that is a folder of an installation. */
export interface Workspace {
  /** From the installation's root with slashes; "." for the root itself. */
  readonly path: string;
  readonly json: PackageJson;
}

const lockFiles: readonly (readonly [file: string, manager: PackageManager])[] = [
  ['package-lock.json', 'npm'],
  ['pnpm-lock.yaml', 'pnpm'],
];

/** The installation of a directory: the nearest npm or pnpm lock file in it or above it. */
export function findInstallation(directory: string): Installation {
  for (let root = directory; ; root = dirname(root)) {
    const found = lockFiles.find(([file]) => existsSync(join(root, file)));
    if (found) return { root, lockFile: found[0], manager: found[1] };
    if (root === dirname(root)) {
      throw new CommandError(
        `Neither ${directory} nor a directory above it has a package-lock.json or pnpm-lock.yaml; run npm install or pnpm install, or give the service a Dockerfile.`,
      );
    }
  }
}

/** Reads the package.json of a directory. */
export function readPackageJson(directory: string): PackageJson {
  const file = join(directory, 'package.json');
  try {
    return packageSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${reasonOf(error)}; correct it.`, { cause: error });
  }
}

/** The package in a directory, and every other workspace that it needs at run time, itself first. */
export function neededWorkspaces(installation: Installation, directory: string): Workspace[] {
  const all = new Map<string, Workspace>();
  for (const path of workspacePaths(installation)) {
    const json = readPackageJson(join(installation.root, path));
    if (json.name !== undefined) all.set(json.name, { path, json });
  }
  const own = { path: slashed(relative(installation.root, directory)) || '.', json: readPackageJson(directory) };
  const needed = new Map<string, Workspace>([[own.path, own]]);
  // A map's iteration includes entries added during it.
  for (const { json } of needed.values()) {
    for (const name of Object.keys({ ...json.dependencies, ...json.optionalDependencies, ...json.peerDependencies })) {
      const workspace = all.get(name);
      if (workspace && !needed.has(workspace.path)) needed.set(workspace.path, workspace);
    }
  }
  return [...needed.values()];
}

function workspacePaths({ root, manager }: Installation): string[] {
  const patterns = manager === 'pnpm' ? pnpmPatterns(root) : npmPatterns(root);
  const exclude = [
    '**/node_modules/**',
    ...patterns.filter((each) => each.startsWith('!')).map((each) => each.slice(1)),
  ];
  const include = patterns
    .filter((each) => !each.startsWith('!'))
    .map((each) => `${each.replace(/\/$/, '')}/package.json`);
  return globSync(include, { cwd: root, exclude }).map((file) => slashed(dirname(file)));
}

function npmPatterns(root: string): readonly string[] {
  const { workspaces = [] } = readPackageJson(root);
  return Array.isArray(workspaces) ? workspaces : workspaces.packages;
}

function pnpmPatterns(root: string): readonly string[] {
  const file = join(root, 'pnpm-workspace.yaml');
  if (!existsSync(file)) return [];
  const { packages = [] }: { packages?: readonly string[] } = parse(readFileSync(file, 'utf8')) ?? {};
  return packages;
}

const slashed = (path: string): string => path.replaceAll('\\', '/');
