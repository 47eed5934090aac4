import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './mesh.ts';
import { waitFor } from './wait-for.ts';

const weftBin = join(import.meta.dirname, '../packages/cli/bin/weft.js');

/** A running `weft dev`. */
export interface DevSession {
  readonly port: number;
  /** `http://127.0.0.1:<port>`. */
  readonly edge: string;
  readonly state: string;
  /** All that it has printed until now. */
  output(): string;
  /** What it printed after `output` was `before`, once that matches. */
  said(pattern: RegExp, before?: string): Promise<string>;
  /** Ends it as Ctrl-C does. */
  stop(): Promise<void>;
}

/**
 * Runs `weft dev` in a project and waits until it follows edits. The caller stops it, also after a failure. `printed` is told at once of
 * all that it has printed, each time that it prints more.
 */
export async function startDev(project: string, printed: (output: string) => void = () => {}): Promise<DevSession> {
  const state = await mkdtemp(join(tmpdir(), 'dev-'));
  const port = await freePort();
  const child = spawn(process.execPath, [weftBin, 'dev', '--state', state, '--port', String(port)], {
    cwd: project,
    env: { ...process.env, NO_COLOR: '1' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      printed(output);
    });
  }
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
    await exited;
    await rm(state, { recursive: true, force: true });
  };
  const said = (pattern: RegExp, before = '') =>
    waitFor(
      `${pattern} in what weft dev prints`,
      () => {
        const fresh = output.slice(before.length);
        if (pattern.test(fresh)) return fresh;
        if (child.exitCode !== null) throw new Error('weft dev has ended');
        return undefined;
      },
      { timeoutMs: 90_000, intervalMs: 20 },
    ).catch((error: unknown) => {
      throw new Error(`the end of what weft dev printed:\n${output.slice(-6000)}`, { cause: error });
    });
  try {
    await said(/Edits are followed/);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, edge: `http://127.0.0.1:${port}`, state, output: () => output, said, stop };
}
