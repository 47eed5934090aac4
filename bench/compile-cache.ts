import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** $NODE_COMPILE_CACHE of a control plane that is measured: as the image has one, and as `weft up` sets it. */
export const compileCache = fileURLToPath(new URL('../node_modules/.cache/weft/compiled', import.meta.url));

let filled: Promise<void> | undefined;

/** Fills it as the build of the image does. */
export function fillCompileCache(): Promise<void> {
  filled ??= fill();
  return filled;
}

async function fill(): Promise<void> {
  const env = { ...process.env, NODE_COMPILE_CACHE: compileCache };
  for (const [file, ...args] of [['warm-up.ts'], ['main.ts', '--help']]) {
    const path = fileURLToPath(new URL(`../services/control-plane/src/${file}`, import.meta.url));
    await promisify(execFile)(process.execPath, [path, ...args], { env });
  }
}
