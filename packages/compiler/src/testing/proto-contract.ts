import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const root = join(import.meta.dirname, '../../../..');

/**
 * Builds a descriptor set of .proto files, by path relative to their root, as `weft publish` would: with what they import of
 * packages/policy/proto. Throws with buf's own words. Takes about half a second. For tests.
 */
export function protoContract(files: Readonly<Record<string, string>>): Uint8Array {
  // buf takes modules below its own directory only.
  mkdirSync(join(root, 'dist'), { recursive: true });
  const directory = mkdtempSync(join(root, 'dist/proto-contract-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), text);
    }
    const output = join(directory, 'set.binpb');
    const own = relative(root, directory);
    const modules = ['packages/policy/proto', own].map((path) => ({ path }));
    const { status, stderr } = spawnSync(
      join(root, 'node_modules/.bin/buf'),
      [
        'build',
        ...['--config', JSON.stringify({ version: 'v2', modules })],
        ...Object.keys(files).flatMap((path) => ['--path', join(own, path)]),
        ...['--as-file-descriptor-set', '-o', output],
      ],
      { cwd: root, encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(`buf build: ${stderr}`);
    return readFileSync(output);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
