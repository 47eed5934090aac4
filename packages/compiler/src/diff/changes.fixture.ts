import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

const root = join(import.meta.dirname, '../../../..');

/** Recorded changes: `<name>/old` and `<name>/new` are trees of contracts, `<name>/diff.txt` is what the diff says. */
export const changes = join(import.meta.dirname, '../../changes');

/** Their names. */
export function changeNames(): string[] {
  return readdirSync(changes, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'callers')
    .map(({ name }) => name)
    .sort();
}

/** The descriptor set of a tree of contracts under `changes`, or of one directory in it, by buf. */
export function buildChange(tree: string, directory = 'bakery'): Uint8Array {
  const out = mkdtempSync(join(tmpdir(), 'weft-change-'));
  try {
    const file = join(out, 'set.binpb');
    const path = relative(root, join(changes, tree));
    const modules = ['packages/policy/proto', path].map((module) => ({ path: module }));
    const config = JSON.stringify({ version: 'v2', modules });
    const args = ['build', '--config', config, '--path', join(path, directory), '--as-file-descriptor-set', '-o', file];
    execFileSync(join(root, 'node_modules/.bin/buf'), args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
    return readFileSync(file);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}
