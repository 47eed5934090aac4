import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BillPackage } from './software-bill.ts';
import { walkFiles } from './walk-files.ts';

/** A package in a directory. */
export interface InstalledPackage extends BillPackage {
  /** Whether it compiles code when it is installed. */
  readonly compiles: boolean;
}

/** The directory of a package: in a node_modules, or a workspace with its parent's name. */
const packageFile = /^(.*\/)?(node_modules\/(@[^/]+\/)?[^/]+|(?!.*node_modules\/)[^/]+\/[^/]+)\/package\.json$/;

/** The packages below a directory, each version once: those in node_modules, as npm or pnpm lays them out, and workspaces. */
export function installedPackages(directory: string): InstalledPackage[] {
  const found = new Map<string, InstalledPackage>();
  for (const file of walkFiles(directory, '.')) {
    if (!packageFile.test(file)) continue;
    const { name, version, license, scripts }: PackageFile = JSON.parse(readFileSync(join(directory, file), 'utf8'));
    if (name === undefined || version === undefined || found.has(`${name}@${version}`)) continue;
    const path = file.slice(0, -'/package.json'.length);
    found.set(`${name}@${version}`, {
      path,
      name,
      version,
      ...(typeof license === 'string' ? { license } : {}),
      dependencies: [],
      compiles: scripts?.install !== undefined || existsSync(join(directory, path, 'binding.gyp')),
    });
  }
  return [...found.values()];
}

interface PackageFile {
  readonly name?: string;
  readonly version?: string;
  readonly license?: unknown;
  readonly scripts?: { readonly install?: string };
}
