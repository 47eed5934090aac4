import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { sourceText } from './source-text.ts';

/** One import of a file: static, dynamic, re-exported or of types alone. */
export interface Import {
  /** As it stands there: "./route.ts", "@weft/compiler/model/mesh". */
  readonly specifier: string;
  readonly line: number;
  /** The file of this repository that it means, from the root, or the package's directory where a package exports no such file. */
  readonly target?: string;
  /** The npm package or Node module that it means otherwise: "zod", "node:net". */
  readonly module?: string;
  /** What it takes by name; undefined: everything. */
  readonly names?: readonly string[];
}

/** A TypeScript file of this repository. */
export interface Source {
  /** From the root. */
  readonly path: string;
  /** Without comments and texts. */
  readonly code: string;
  readonly imports: readonly Import[];
  /** Its quoted texts. */
  readonly texts: readonly string[];
}

/** A package of this repository. */
export interface Workspace {
  readonly name: string;
  /** From the root: "packages/compiler". */
  readonly directory: string;
  /** What is exported, as in package.json: `./*` to `./src/*.ts`. */
  readonly exports: Readonly<Record<string, unknown>>;
  /** What its own code needs: dependencies, optional and peer dependencies. */
  readonly dependencies: readonly string[];
  readonly devDependencies: readonly string[];
  readonly peerDependencies: readonly string[];
}

/** All packages of the repository at `root`. */
export function readWorkspaces(root: string): readonly Workspace[] {
  return globSync(
    ['packages/*/package.json', 'contracts/*/package.json', 'services/*/package.json', 'k8s/package.json'],
    { cwd: root },
  )
    .sort()
    .map((file) => {
      const { name, exports = {}, ...manifest } = JSON.parse(readFileSync(join(root, file), 'utf8'));
      const { dependencies, optionalDependencies, peerDependencies, devDependencies } = manifest;
      return {
        name,
        directory: dirname(file),
        exports,
        dependencies: Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }),
        devDependencies: Object.keys(devDependencies ?? {}),
        peerDependencies: Object.keys(peerDependencies ?? {}),
      };
    });
}

/** All TypeScript files of the workspaces at `root` that people write, with what each imports. */
export function readSources(root: string, workspaces: readonly Workspace[]): readonly Source[] {
  const patterns = workspaces.map(({ directory }) => `${directory}/**/*.{ts,tsx,js}`);
  const exclude = (path: string) => /(^|\/)(node_modules|gen|dist|templates)$/.test(path);
  return (
    globSync(patterns, { cwd: root, exclude })
      // Templates are code of projects that do not exist yet.
      .filter((path) => !/\/(node_modules|gen|dist|templates)\//.test(path))
      .sort()
      .map((path) => readSource(path, readFileSync(join(root, path), 'utf8'), workspaces))
  );
}

const importedText =
  /(?:\bfrom\s*|\bimport\s*(?:\(\s*)?|\brequire(?:\.resolve)?\s*\(\s*|\bimport\.meta\.resolve\s*\(\s*)'(\d+)'/g;
const importedNames = /\bimport\s+(?:type\s+)?\{([^}]*)\}\s*from\s*'(\d+)'/g;

/** What a file imports, from its text. `path`: from the root. */
export function readSource(path: string, text: string, workspaces: readonly Workspace[]): Source {
  const { code, texts } = sourceText(text);
  const names = new Map(
    [...code.matchAll(importedNames)].map(([, list = '', index]) => [
      index,
      list.split(',').flatMap((name) => /^\s*(?:type\s+)?([\w$]+)/.exec(name)?.[1] ?? []),
    ]),
  );
  const imports = [...code.matchAll(importedText)].map((match): Import => {
    const [, index = ''] = match;
    const specifier = texts[Number(index)] ?? '';
    const line = code.slice(0, match.index + match[0].length).split('\n').length;
    const taken = names.get(index);
    return { specifier, line, ...meaning(path, specifier, workspaces), ...(taken ? { names: taken } : {}) };
  });
  return { path, code, imports, texts };
}

function meaning(
  path: string,
  specifier: string,
  workspaces: readonly Workspace[],
): { target: string } | { module: string } {
  if (specifier.startsWith('.')) return { target: normalize(join(dirname(path), specifier)) };
  if (specifier.startsWith('node:')) return { module: specifier };
  const [scope = '', name = ''] = specifier.split('/');
  const module = scope.startsWith('@') ? `${scope}/${name}` : scope;
  const workspace = workspaces.find((each) => each.name === module);
  return workspace ? { target: exportedFile(workspace, specifier.slice(module.length + 1)) } : { module };
}

/** The file that a package exports under a name, by its first pattern that fits. */
function exportedFile({ directory, exports }: Workspace, name: string): string {
  for (const [key, file] of Object.entries(exports)) {
    if (typeof file !== 'string') continue;
    if (key === (name === '' ? '.' : `./${name}`)) return join(directory, file);
    if (key === './*' && name !== '') return join(directory, file.replace('*', name));
  }
  return directory;
}
