import type { Manifest } from './published-packages.ts';

/** What a published package.json takes from the repository instead of from its source. */
export interface Publication {
  /** From the root: "packages/cli". */
  readonly directory: string;
  /** The repository's address, as npm's `repository.url`. */
  readonly repositoryUrl: string;
  /** Files and folders that the package consists of, besides package.json, README.md and LICENSE. */
  readonly files: readonly string[];
  /** The version of each package that is published together with this one. */
  readonly versions: ReadonlyMap<string, string>;
}

/**
 * The package.json that users get: JavaScript with declarations instead of TypeScript, ranges instead of the exact versions that
 * this repository is developed with. `peerDependencies` stay as they are written, since they are tested as they are written.
 */
export function publishedManifest(source: Manifest, publication: Publication): Readonly<Record<string, unknown>> {
  const { devDependencies: _, scripts: __, private: ___, overrides: ____, ...kept } = source;
  const { directory, repositoryUrl, files, versions } = publication;
  const ranges = (dependencies: Readonly<Record<string, string>> = {}) =>
    Object.fromEntries(Object.entries(dependencies).map(([name, range]) => [name, caret(versions.get(name) ?? range)]));
  const { name, bin, exports, dependencies, optionalDependencies, peerDependencies = {} } = source;
  const own = Object.entries(peerDependencies).map(([peer, range]) => [peer, ownRange(versions.get(peer)) ?? range]);
  return {
    ...kept,
    name,
    repository: { type: 'git', url: repositoryUrl, directory },
    publishConfig: { access: 'public', provenance: true },
    files: [...files],
    ...(bin === undefined ? {} : { bin: publishedCommands(bin) }),
    ...(exports === undefined ? {} : { exports: { ...publishedExports(exports), './package.json': './package.json' } }),
    ...(dependencies === undefined ? {} : { dependencies: ranges(dependencies) }),
    ...(optionalDependencies === undefined ? {} : { optionalDependencies: ranges(optionalDependencies) }),
    ...(own.length === 0 ? {} : { peerDependencies: Object.fromEntries(own) }),
  };
}

/** Where a source file is in the published package, without its ending: "./src/a.ts" is "./dist/a". Undefined for other files. */
export function builtName(file: unknown): string | undefined {
  if (typeof file !== 'string' || !file.endsWith('.ts')) return undefined;
  return file.replace('./src/', './dist/').replace(/\.ts$/, '');
}

function publishedExports(exports: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(exports).map(([key, file]) => {
      const built = builtName(file);
      return [key, built === undefined ? file : { types: `${built}.d.ts`, default: `${built}.js` }];
    }),
  );
}

function publishedCommands(bin: string | Readonly<Record<string, string>>): Manifest['bin'] {
  const built = (file: string): string => {
    const name = builtName(file);
    // npm writes them without the dot, and warns where it has to change that.
    return (name === undefined ? file : `${name}.js`).replace(/^\.\//, '');
  };
  if (typeof bin === 'string') return built(bin);
  return Object.fromEntries(Object.entries(bin).map(([name, file]) => [name, built(file)]));
}

function ownRange(version: string | undefined): string | undefined {
  return version === undefined ? undefined : caret(version);
}

/** An exact version as the range of versions that semantic versioning calls compatible; a range stays. */
function caret(range: string): string {
  return /^\d+\.\d+\.\d+(?:-[\w.-]+)?$/.test(range) ? `^${range}` : range;
}
