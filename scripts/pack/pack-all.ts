import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeShopTemplate } from '../../packages/create-weft/scripts/shop-template.ts';
import { buildPackage, type Declarations } from './build-package.ts';
import { bundleCommands } from './bundle-commands.ts';
import { run } from './command.ts';
import { publishedManifest } from './published-manifest.ts';
import { type Manifest, publishedPackages, readManifest } from './published-packages.ts';

/** A package as it is published. */
export interface Packed {
  readonly name: string;
  readonly version: string;
  /** The tarball. */
  readonly file: string;
}

/**
 * Packs every published package of the repository at `root` into the directory `target`, in the order in which they can be published.
 * Rejects with the words of the tool that failed. The caller holds the pack lock: it writes below packages/, too.
 */
export async function packAll(root: string, target: string): Promise<readonly Packed[]> {
  const packages = publishedPackages(root);
  const versions = new Map(packages.map(({ manifest }) => [manifest.name, manifest.version]));
  const repositoryUrl = repositoryOf(root);
  mkdirSync(target, { recursive: true });
  makeShopTemplate();
  // Below the root, so that the declarations made here find what they import in node_modules.
  mkdirSync(join(root, 'dist'), { recursive: true });
  const stage = mkdtempSync(join(root, 'dist', '.pack-'));
  try {
    const declarations: Declarations = {};
    for (const each of packages) {
      const out = join(stage, each.shortName);
      const files = [...(await buildPackage(root, each, out, declarations))];
      if (each.manifest.name === '@weft/cli') files.push(await bundleCommands(join(root, each.directory), out));
      const { directory, manifest } = each;
      const published = publishedManifest(manifest, { directory, repositoryUrl, files, versions });
      writeFileSync(join(out, 'package.json'), `${JSON.stringify(published, null, 2)}\n`);
    }
    return await Promise.all(packages.map((each) => pack(each.manifest, join(stage, each.shortName), target)));
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

async function pack({ name, version }: Manifest, directory: string, target: string): Promise<Packed> {
  const file = await run('npm', ['pack', '--silent', '--pack-destination', target], directory);
  return { name, version, file: join(target, file.trim()) };
}

function repositoryOf(root: string): string {
  const { repository } = readManifest(join(root, 'package.json'));
  if (typeof repository === 'object' && repository !== null && 'url' in repository) return String(repository.url);
  throw new Error('package.json has no repository.url; published packages must name where their sources are');
}
