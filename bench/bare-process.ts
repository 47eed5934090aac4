import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BareServerFrames, BareServerStart } from './bare-server.ts';
import { createBenchRoot } from './certificates.ts';
import type { Cleanup } from './cleanup.ts';
import { wallMs } from './control-plane-process.ts';

/** The process of bare-server.ts, as its parent uses it. */
export interface BareProcess {
  /** "https://127.0.0.1:1234". */
  readonly server: string;
  readonly pid: number;
  /** Gives it what to write for a kind of change, by the stream's bearer token. */
  give(change: string, frames: ReadonlyMap<string, Uint8Array>): Promise<void>;
  /** Makes the change. Resolves with the time at which its file was renamed. */
  change(change: string): Promise<number>;
}

/** Starts it on a directory of its own; it ends with `cleanup`. */
export async function startBare(directory: string, cleanup: Cleanup): Promise<BareProcess> {
  await mkdir(directory);
  const { cert, key } = createBenchRoot().certify({ dnsNames: ['weft-control-plane'] });
  const child = fork(new URL('./bare-server.ts', import.meta.url), { serialization: 'advanced' });
  cleanup.teardown(() => child.connected && child.disconnect());
  child.send({ directory, cert, key } satisfies BareServerStart);
  const [port] = await once(child, 'message');
  return {
    server: `https://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    async give(change, frames) {
      child.send({ change, frames } satisfies BareServerFrames);
      await once(child, 'message');
    },
    async change(change) {
      await writeFile(join(directory, '.new'), change);
      const at = wallMs();
      await rename(join(directory, '.new'), join(directory, change));
      return at;
    },
  };
}
