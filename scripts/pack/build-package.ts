import { cpSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.ts';
import { builtName } from './published-manifest.ts';
import type { Manifest, PublishedPackage } from './published-packages.ts';

/** Where the declarations of the packages that were built before are, by import specifier: tsconfig's `paths`. */
export type Declarations = Record<string, string[]>;

/** What a package always consists of, where it has it. What else there is, is in `files` of its package.json. */
const contents = ['docs', 'bin', 'migrations', 'templates', 'chart'];
const tests = ['*.test.ts', 'test-*.ts', '*fixture.ts', 'goldens/**', 'on-envoy/**'];

/**
 * Builds a package into the directory `out`: src/ as JavaScript, declarations and source maps below dist/, and its other files.
 * Returns what the package consists of. `declarations` learns where its own are.
 */
export async function buildPackage(
  root: string,
  { directory, manifest }: PublishedPackage,
  out: string,
  declarations: Declarations,
): Promise<readonly string[]> {
  const home = join(root, directory);
  mkdirSync(out, { recursive: true });
  const files = [...new Set([...contents, ...(manifest.files ?? [])])].filter((file) => existsSync(join(home, file)));
  for (const file of [...files, 'README.md']) {
    cpSync(join(home, file), join(out, file), { recursive: true, dereference: true });
  }
  cpSync(join(root, 'LICENSE'), join(out, 'LICENSE'));
  importBuiltFiles(out);
  if (globSync('src/**/*.ts', { cwd: home }).length === 0) return files;
  await compile(root, home, manifest, out, declarations);
  for (const [key, file] of Object.entries(manifest.exports ?? {})) {
    const built = builtName(file);
    if (built !== undefined) declarations[join(manifest.name, key)] = [join(out, `${built}.d.ts`)];
  }
  return [...files, 'dist'];
}

async function compile(
  root: string,
  home: string,
  manifest: Manifest,
  out: string,
  paths: Declarations,
): Promise<void> {
  const source = join(home, 'src');
  for (const file of globSync('**/*', { cwd: source, exclude: ['**/goldens/**', '**/*.ts', '**/*.md'] })) {
    if (existsSync(join(source, file)) && /\.\w+$/.test(file)) cpSync(join(source, file), join(out, 'dist', file));
  }
  // What tests share is published by its name or not at all.
  const sharesTests = Object.values(manifest.exports ?? {}).some((file) => String(file).startsWith('./src/testing/'));
  const config = `${out}.tsconfig.json`;
  const compilerOptions = {
    noEmit: false,
    allowImportingTsExtensions: false,
    rewriteRelativeImportExtensions: true,
    declaration: true,
    sourceMap: true,
    inlineSources: true,
    // Where node_modules is made of links, declarations must still name packages, not files.
    preserveSymlinks: true,
    rootDir: source,
    typeRoots: [join(root, 'node_modules/@types')],
    outDir: join(out, 'dist'),
    paths,
  };
  const exclude = [...tests, ...(sharesTests ? [] : ['testing/**'])].map((name) => join(source, '**', name));
  const include = [source];
  writeFileSync(config, JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, include, exclude }));
  await run(join(root, 'node_modules/.bin/tsc'), ['-p', config], home);
}

/** The commands in bin/ are JavaScript already; they import what is built. */
function importBuiltFiles(out: string): void {
  for (const file of globSync('bin/*.js', { cwd: out })) {
    const text = readFileSync(join(out, file), 'utf8');
    writeFileSync(join(out, file), text.replace(/'\.\.\/src\/([^']+)\.[jt]s'/g, "'../dist/$1.js'"), { mode: 0o755 });
  }
}
