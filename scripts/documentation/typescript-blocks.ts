import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CodeBlock } from './code-block.ts';

const root = join(import.meta.dirname, '../..');

/** A code block by the page and line where it stands. */
export interface PlacedBlock extends CodeBlock {
  /** "docs/policy.md:96". */
  readonly place: string;
}

/**
 * What tsc says about TypeScript blocks, each a module that is checked against the packages of this repository; empty: nothing. A mark's
 * hidden lines stand before its block, or around it where one of them is `...`. A hidden `declare module` stands in for a package that
 * is not here. `{ ... }` and `[...]` in a block are code that is left out.
 */
export async function typeErrors(blocks: readonly PlacedBlock[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'weft-docs-'));
  try {
    await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
    await writeFile(join(directory, 'package.json'), '{"type": "module"}');
    const config = { extends: join(root, 'tsconfig.json'), include: ['**/*.ts'], exclude: ['node_modules'] };
    await writeFile(join(directory, 'tsconfig.json'), JSON.stringify(config));
    for (const block of blocks) {
      const folder = join(directory, block.place.replaceAll(/[^\w.-]/g, '_'));
      await mkdir(folder);
      const hidden = block.mark?.hidden ?? [];
      const isAmbient = hidden[0]?.startsWith('declare module') === true;
      if (isAmbient) await writeFile(join(folder, 'absent.d.ts'), hidden.join('\n'));
      await writeFile(join(folder, 'block.ts'), moduleOf(block.lines, isAmbient ? [] : hidden));
    }
    return await run(join(root, 'node_modules/.bin/tsc'), ['-p', directory, '--pretty', 'false'], directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function moduleOf(lines: readonly string[], hidden: readonly string[]): string {
  const code = lines.join('\n').replaceAll('{ ... }', "{ throw new Error('left out'); }").replaceAll('[...]', '[]');
  const at = hidden.indexOf('...');
  const around = at === -1 ? [...hidden, code] : [...hidden.slice(0, at), code, ...hidden.slice(at + 1)];
  return `${around.join('\n')}\nexport {};\n`;
}

/** What a program that finds nothing wrong does not print. */
function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd, maxBuffer: 1 << 24 }, (error, stdout, stderr) =>
      resolve(error ? stdout + stderr || error.message : ''),
    );
  });
}
