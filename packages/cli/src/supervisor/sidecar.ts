import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootstrap } from '@weft/compiler/envoy/bootstrap';
import { type RunningEnvoy, startEnvoy } from '@weft/dev-envoy';
import { z } from 'zod';
import type { ProcessLog } from './logs.ts';
import type { MeshRun } from './mesh-run.ts';
import type { Running } from './running.ts';

/** Starts the Envoy of a workload with the same bootstrap as in a cluster; `fromOutside`: see BootstrapOptions. */
export async function startSidecar(
  run: MeshRun,
  workload: { readonly namespace: string; readonly name: string },
  log: ProcessLog,
  options: { readonly fromOutside?: boolean } = {},
): Promise<Running> {
  const adminSocket = run.adminSocket(workload.name);
  rmSync(adminSocket, { force: true });
  log.forget();
  const envoy = await startEnvoy({
    envoy: await run.envoy(),
    dir: join(run.state.envoy, `${workload.namespace}.${workload.name}`),
    // Access logs go to the file; Envoy's own messages go to the user.
    log: (line, stream) => log.line(line, { quiet: stream === 'stdout' }),
    bootstrap: z.record(z.string(), z.unknown()).parse(
      bootstrap({
        workload: `${workload.namespace}/${workload.name}`,
        controlPlane: { host: '127.0.0.1', port: run.xdsPort },
        rootSdsPath: join(run.state.controlPlane, 'root/ca-sds.yaml'),
        tokenPath: join(run.state.tokens, workload.namespace, workload.name),
        adminSocket,
        ...options,
      }),
    ),
  });
  return {
    pid: envoy.pid,
    exited: envoy.exited.then((code) => (code === null ? 'a signal' : `exit code ${code}`)),
    stop: () => end(envoy),
  };
}

/**
 * Stops an Envoy whose calls have finished. Uses SIGKILL: on SIGTERM a stock Envoy with an upstream Lua filter and an open ADS stream
 * crashes with a segmentation fault (seen with 1.40.0), and it would not drain anyway. Flushes its access log first.
 */
async function end(envoy: RunningEnvoy): Promise<void> {
  // The only request that makes Envoy flush its buffered access log; it keeps stdout open.
  const flushed = await envoy.admin('/reopen_logs', { method: 'POST' }).catch(() => undefined);
  if (flushed !== undefined) await sleep(flushMs);
  await envoy.kill();
}

/** Enough for a thread to write a buffer of 64 KiB. */
const flushMs = 50;
