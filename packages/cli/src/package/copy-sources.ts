import { chmodSync, copyFileSync, existsSync, lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { walkFiles } from './walk-files.ts';

/** Files that no package needs at run time: hidden files (such as .env), installed packages, tests, and files for people and tools. */
const unneeded =
  /^(\..*|node_modules|__tests__|.*\.(test|spec)\.[cm]?[jt]sx?|.*\.(log|tsbuildinfo)|Dockerfile.*|weft\.yaml|tsconfig.*\.json|README\.md)$/;
/** The same, directly in a package's folder. */
const unneededAtTop = /^(tests?|coverage)$/;

/** Copies a package's own files except those that it does not need at run time. Leaves out a target inside the package. */
export function copySources(from: string, to: string): void {
  const target = relative(from, to).split(sep).join('/');
  const skip = (path: string) => path === target || unneeded.test(basename(path)) || unneededAtTop.test(path);
  for (const file of walkFiles(from, '.', skip)) copyFile(file, from, to);
}

/** Copies one file or link to the same path below another directory, if it exists. */
export function copyFile(file: string, from: string, to: string): void {
  const source = join(from, file);
  if (!existsSync(source)) return;
  const target = join(to, file);
  mkdirSync(dirname(target), { recursive: true });
  if (lstatSync(source).isSymbolicLink() && resolve(dirname(source), readlinkSync(source)).startsWith(from + sep)) {
    rmSync(target, { force: true });
    symlinkSync(readlinkSync(source), target);
  } else {
    copyFileSync(source, target);
  }
}

/** Removes files of installed packages that only development needs. */
export function removeUnneededFiles(directory: string): void {
  for (const file of walkFiles(directory, '.')) {
    if (/(^|\/)node_modules\/.*(\.map|\.d\.[cm]?ts)$/.test(file)) rmSync(join(directory, file));
  }
}

/** Makes a directory readable for every user, whatever the umask: the service runs as another user. */
export function makeReadable(directory: string): void {
  const parents = new Set<string>();
  for (const file of walkFiles(directory, '.')) {
    const path = join(directory, file);
    const stats = lstatSync(path);
    for (let parent = dirname(path); parent.startsWith(directory); parent = dirname(parent)) parents.add(parent);
    if (!stats.isSymbolicLink()) allow(path, stats.mode, stats.mode & 0o100 ? 0o555 : 0o444);
  }
  for (const parent of parents) allow(parent, lstatSync(parent).mode, 0o555);
}

function allow(path: string, mode: number, wanted: number): void {
  if ((mode & wanted) !== wanted) chmodSync(path, (mode | wanted) & 0o7777);
}
