import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeBlocks, type PageBlocks } from './code-block.ts';

const root = join(import.meta.dirname, '../..');

/** A page of the documentation. */
export interface Page extends PageBlocks {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
}

/** Reads one page; `path` is relative to the repository. */
export function readPage(path: string): Page {
  const text = readFileSync(join(root, path), 'utf8');
  return { path, text, ...codeBlocks(text) };
}

/** Every page of the documentation. Pages in templates are a new project's, and not among them. */
export function readPages(): readonly Page[] {
  const patterns = ['*.md', 'docs/**/*.md', '{packages,services,charts,images}/*/README.md', 'packages/*/docs/*.md'];
  const single = ['{k8s,bench,tests/cluster,packages/compiler/goldens}/README.md'];
  return globSync([...patterns, ...single], { cwd: root })
    .sort()
    .map(readPage);
}
