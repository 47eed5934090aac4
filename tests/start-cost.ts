import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What it costs to start a command. */
export interface StartCost {
  /** CPU time of the whole command. Unlike time, it does not depend on what else the machine does. */
  readonly cpuMs: number;
  /** Time until its first output, to stdout or stderr. */
  readonly firstByteMs: number;
  /** All that it printed. */
  readonly output: string;
}

/** Runs a JavaScript or TypeScript file as a command, in the directory `cwd`. */
export async function startCost(args: readonly string[], cwd: string): Promise<StartCost> {
  const dir = await mkdtemp(join(tmpdir(), 'start-cost-'));
  const file = join(dir, 'cpu');
  try {
    const begin = performance.now();
    const child = spawn(process.execPath, ['--require', join(import.meta.dirname, 'cpu-at-exit.cjs'), ...args], {
      cwd,
      env: { ...process.env, CPU_AT_EXIT: file, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let firstByteMs: number | undefined;
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        firstByteMs ??= performance.now() - begin;
        output += text;
      });
    }
    await once(child, 'close');
    return {
      cpuMs: Number(await readFile(file, 'utf8')),
      firstByteMs: firstByteMs ?? performance.now() - begin,
      output,
    };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Commands of weft that end by themselves where no mesh runs, with the CPU time that they may take, in ms. */
export const quickCommands: readonly { readonly args: readonly string[]; readonly maxCpuMs: number }[] = [
  { args: ['--version'], maxCpuMs: 300 },
  { args: ['--help'], maxCpuMs: 500 },
  { args: ['up'], maxCpuMs: 500 },
  { args: ['down'], maxCpuMs: 500 },
  { args: ['clean', '--help'], maxCpuMs: 500 },
  { args: ['status'], maxCpuMs: 500 },
  { args: ['check'], maxCpuMs: 500 },
  { args: ['rotate-root'], maxCpuMs: 500 },
  { args: ['scale', 'cart=2'], maxCpuMs: 500 },
  { args: ['stop', 'control-plane'], maxCpuMs: 500 },
  { args: ['start', 'control-plane'], maxCpuMs: 500 },
  { args: ['logs'], maxCpuMs: 500 },
  { args: ['compile', '--mesh', 'nowhere'], maxCpuMs: 500 },
  { args: ['lint'], maxCpuMs: 500 },
  { args: ['override', '--list'], maxCpuMs: 500 },
  { args: ['diff', 'a', 'b'], maxCpuMs: 500 },
  { args: ['history'], maxCpuMs: 500 },
  { args: ['why', 'edge', 'bakery.cart.v1.CartService/Add'], maxCpuMs: 500 },
  { args: ['revert'], maxCpuMs: 500 },
  { args: ['completion', 'bash'], maxCpuMs: 500 },
];
