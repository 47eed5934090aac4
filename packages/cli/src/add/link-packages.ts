import { existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** A package of the project itself. */
export interface OwnPackage {
  readonly name: string;
  readonly directory: string;
}

/** Links packages into node_modules at the root, as npm does for workspaces. Existing entries stay. */
export function linkPackages(root: string, packages: readonly OwnPackage[]): void {
  for (const { name, directory } of packages) {
    const link = join(root, 'node_modules', name);
    if (lstatSync(link, { throwIfNoEntry: false })) continue;
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(relative(dirname(link), directory), link);
  }
}

/** The dependencies of a package.json that are not installed for a package in `directory`, which need not exist. */
export function missingDependencies(packageJson: string, directory: string): string[] {
  const { dependencies, devDependencies } = JSON.parse(packageJson);
  return Object.keys({ ...dependencies, ...devDependencies }).filter((name) => !isInstalled(name, directory));
}

function isInstalled(name: string, directory: string): boolean {
  if (existsSync(join(directory, 'node_modules', name, 'package.json'))) return true;
  const parent = dirname(directory);
  return parent !== directory && isInstalled(name, parent);
}

/** The version of the package in a directory. */
export function versionOf(directory: string): string {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')).version;
}
