import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** A package.json, as far as packing reads it. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly bin?: string | Readonly<Record<string, string>>;
  readonly files?: readonly string[];
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** A package of this repository that is published. */
export interface PublishedPackage {
  /** From the root: "packages/cli". */
  readonly directory: string;
  /** "cli": unique among the published packages. */
  readonly shortName: string;
  readonly manifest: Manifest;
}

/** The prepack script of what is published: nothing but scripts/pack.ts packs it. */
export const refusal = 'node ../../scripts/refuse-publishing.js';

/** The published packages, by their prepack script. A package comes after those that it depends on. */
export function publishedPackages(root: string): readonly PublishedPackage[] {
  const found = new Map<string, PublishedPackage>();
  for (const file of globSync(['packages/*/package.json', 'services/control-plane/package.json'], {
    cwd: root,
  }).sort()) {
    const manifest = readManifest(join(root, file));
    if (manifest.scripts?.prepack !== refusal) continue;
    const directory = file.slice(0, -'/package.json'.length);
    found.set(manifest.name, { directory, shortName: basename(directory), manifest });
  }
  const ordered = new Set<PublishedPackage>();
  const underWay = new Set<string>();
  const visit = (name: string): void => {
    const each = found.get(name);
    if (each === undefined || ordered.has(each) || underWay.has(name)) return;
    underWay.add(name);
    const { dependencies, peerDependencies } = each.manifest;
    for (const dependency of Object.keys({ ...dependencies, ...peerDependencies })) visit(dependency);
    ordered.add(each);
  };
  for (const name of found.keys()) visit(name);
  return [...ordered];
}

/** Reads a package.json. */
export function readManifest(path: string): Manifest {
  return JSON.parse(readFileSync(path, 'utf8'));
}
