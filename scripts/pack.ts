/**
 * Packs every package under packages/ as its users install it: JavaScript with declarations instead of the TypeScript that this
 * repository runs directly (Node does not strip types below node_modules).
 *
 *   node scripts/pack.ts [DIR]     writes the tarballs to DIR (default: dist/packages) and prints their paths
 */
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';

interface Manifest {
  name: string;
  dependencies?: Record<string, string>;
  exports?: Record<string, unknown>;
  bin?: Record<string, string>;
  files?: string[];
  scripts?: Record<string, string>;
  private?: boolean;
  [key: string]: unknown;
}

const root = join(import.meta.dirname, '..');
const bin = join(root, 'node_modules/.bin');
const target = resolve(process.argv[2] ?? join(root, 'dist/packages'));
// Below the root, so that the declarations made here find what they import in node_modules.
mkdirSync(join(root, 'dist'), { recursive: true });
const stage = mkdtempSync(join(root, 'dist', '.pack-'));
/** What tsc finds a package's declarations under, for the packages that depend on it. */
const paths: Record<string, string[]> = {};

try {
  mkdirSync(target, { recursive: true });
  for (const directory of inDependencyOrder()) pack(directory);
} finally {
  rmSync(stage, { recursive: true, force: true });
}

function pack(directory: string): void {
  const manifest = readManifest(directory);
  const out = join(stage, basename(directory));
  mkdirSync(out, { recursive: true });
  const sources = globSync('src/**/*', { cwd: directory, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const entry of sources) {
    const path = join(entry.parentPath, entry.name);
    if (!path.endsWith('.ts')) cpSync(path, path.replace(join(directory, 'src'), join(out, 'dist')));
  }
  const config = join(stage, `${basename(directory)}.tsconfig.json`);
  writeFileSync(config, JSON.stringify(packConfig(manifest, join(directory, 'src'), join(out, 'dist'))));
  run(join(bin, 'tsc'), ['-p', config], directory);
  for (const extra of ['README.md', 'docs', 'proto']) {
    if (globSync(extra, { cwd: directory }).length > 0)
      cpSync(join(directory, extra), join(out, extra), { recursive: true });
  }
  copyCommands(directory, out);
  cpSync(join(root, 'LICENSE'), join(out, 'LICENSE'));
  const { devDependencies: _, scripts: __, private: ___, ...published } = manifest;
  writeFileSync(
    join(out, 'package.json'),
    JSON.stringify({ ...published, exports: publishedExports(manifest, out) }, null, 2),
  );
  console.log(join(target, run('npm', ['pack', '--silent', '--pack-destination', target], out).trim()));
}

/** Copies the commands of bin/, which are JavaScript already and import what is built. */
function copyCommands(directory: string, out: string): void {
  for (const file of globSync('bin/*.js', { cwd: directory })) {
    const text = readFileSync(join(directory, file), 'utf8');
    mkdirSync(join(out, 'bin'), { recursive: true });
    writeFileSync(join(out, file), text.replace(/'\.\.\/src\/([^']+)\.ts'/g, "'../dist/$1.js'"), { mode: 0o755 });
  }
}

function packConfig({ exports = {} }: Manifest, rootDir: string, outDir: string): object {
  const tests = ['*.test.ts', 'test-*.ts', '*fixture.ts'];
  // What tests share is published by its name or not at all.
  if (!Object.values(exports).some((file) => String(file).startsWith('./src/testing/'))) tests.push('testing/**');
  return {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      allowImportingTsExtensions: false,
      rewriteRelativeImportExtensions: true,
      declaration: true,
      rootDir,
      typeRoots: [join(root, 'node_modules/@types')],
      outDir,
      paths,
    },
    include: [rootDir],
    exclude: tests.map((name) => join(rootDir, '**', name)),
  };
}

/** `./src/x.ts` as its JavaScript and declarations; also tells the packages packed after this one where those are. */
function publishedExports(manifest: Manifest, out: string): Record<string, unknown> {
  const published: Record<string, unknown> = {};
  for (const [key, source] of Object.entries(manifest.exports ?? {})) {
    if (typeof source !== 'string' || !source.endsWith('.ts')) {
      published[key] = source;
      continue;
    }
    const built = source.replace('./src/', './dist/').replace(/\.ts$/, '');
    published[key] = { types: `${built}.d.ts`, default: `${built}.js` };
    paths[join(manifest.name, key)] = [join(out, `${built}.d.ts`)];
  }
  return published;
}

/** Those that others depend on come first. */
function inDependencyOrder(): string[] {
  const directories = new Map<string, string>();
  for (const file of globSync('packages/*/package.json', { cwd: root })) {
    const directory = join(root, file, '..');
    directories.set(readManifest(directory).name, directory);
  }
  const ordered: string[] = [];
  const visit = (name: string): void => {
    const directory = directories.get(name);
    if (!directory || ordered.includes(directory)) return;
    for (const dependency of Object.keys(readManifest(directory).dependencies ?? {})) visit(dependency);
    ordered.push(directory);
  };
  for (const name of directories.keys()) visit(name);
  return ordered;
}

function readManifest(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
}

/** What the command printed; ends this process with the command's own words when it fails. */
function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (error) throw error;
  if (status === 0) return stdout;
  console.error(`pack: ${basename(command)} failed in ${basename(cwd)}\n${stdout}${stderr}`);
  rmSync(stage, { recursive: true, force: true });
  process.exit(1);
}
