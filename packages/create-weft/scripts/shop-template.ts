/**
 * Makes templates/shop from the shop of this repository: its contracts and services, with template words in place of its name. The
 * project's other files are in shop-files/. The template is not in git: packing and tests make it.
 *
 *   node packages/create-weft/scripts/shop-template.ts
 */
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '../../..');
const home = join(import.meta.dirname, '..');
const target = join(home, 'templates/shop');

/** Rebuilds the template atomically: a concurrent reader sees the old one or the new one. */
export function makeShopTemplate(): void {
  const stage = join(home, `templates/.shop.${process.pid}`);
  rmSync(stage, { recursive: true, force: true });
  const contracts = folders('proto/shop/*');
  const services = folders('services/*').filter((name) => existsSync(join(root, 'services', name, 'weft.yaml')));
  const rename = renaming(contracts);
  const copy = (from: string, to: string, change: (text: string) => string = rename) => {
    mkdirSync(dirname(join(stage, to)), { recursive: true });
    writeFileSync(join(stage, to), change(readFileSync(join(root, from), 'utf8')));
  };
  for (const file of globSync('proto/shop/**/*.proto', { cwd: root })) {
    copy(file, file.replace('proto/shop/', 'proto/__package__/'));
  }
  for (const name of contracts) {
    copy(`contracts/${name}/package.json`, `contracts/${name}/package.json`, (text) => rename(contractManifest(text)));
  }
  for (const name of services) {
    const patterns = ['src/**', 'migrations/**', 'README.md', 'ava.config.js', 'tsconfig.json', 'weft.yaml'];
    for (const file of globSync(patterns, { cwd: join(root, 'services', name) })) {
      if (/\.\w+$/.test(file)) copy(`services/${name}/${file}`, `services/${name}/${file}`);
    }
    const manifest = `services/${name}/package.json`;
    copy(manifest, manifest, (text) => rename(serviceManifest(text)));
  }
  cpSync(join(home, 'shop-files'), stage, { recursive: true });
  rmSync(target, { recursive: true, force: true });
  renameSync(stage, target);
}

function folders(pattern: string): string[] {
  return globSync(pattern, { cwd: root, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

/** Replaces the shop's name in packages, paths, npm scopes and namespaces. Prose and variables stay unchanged. */
function renaming(contracts: readonly string[]): (text: string) => string {
  const inPackage = new RegExp(`\\bshop(\\\\?[./])(?=(?:${contracts.join('|')})\\b)`, 'g');
  return (text) =>
    text
      .replaceAll('@shop/', '@__project__/')
      .replaceAll('/ns/shop/', '/ns/__project__/')
      .replace(/^namespace: shop$/m, 'namespace: __project__')
      .replaceAll('`shop`', '`__project__`')
      .replace(inPackage, '__package__$1');
}

interface Manifest {
  readonly [field: string]: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
}

/** A service's package.json without what is specific to this repository, and with ranges in place of pins. */
function serviceManifest(text: string): string {
  const { dependencies, devDependencies, scripts, overrides: _, ...kept }: Manifest = JSON.parse(text);
  const { '@biomejs/biome': __, ...development } = { ...devDependencies };
  const { lint: ___, ...ownScripts } = { ...scripts };
  const { license: ____, ...rest } = kept;
  return print({
    ...rest,
    private: true,
    scripts: ownScripts,
    dependencies: ranges(dependencies),
    devDependencies: ranges(development),
  });
}

function contractManifest(text: string): string {
  const { license: _, dependencies, ...kept }: Manifest = JSON.parse(text);
  return print({ ...kept, dependencies: ranges(dependencies) });
}

/** The tools that each project has at its root: one version for all. */
const shared: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(join(home, 'templates/base/package.json'), 'utf8'),
).devDependencies;

function ranges(dependencies: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(dependencies).map(([name, version]) => [
      name,
      name.startsWith('@weft/') ? '^__weft_version__' : (shared[name] ?? version.replace(/^(?=\d)/, '^')),
    ]),
  );
}

function print(manifest: object): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

if (import.meta.main) makeShopTemplate();
