import { writeFile } from 'node:fs/promises';
import { parseSocketAddress } from '@weft/compiler/facts/address';
import { Command } from 'commander';
import { adminSocket } from '../injector/bootstrap-ready-listener.ts';
import { version } from '../version.ts';
import { drainEdge } from './drain.ts';

interface BootstrapOptions {
  readonly controlPlane: string;
  readonly port: number;
  readonly out: string;
  readonly memoryBytes?: number;
  readonly maxConnections?: number;
}

const program = new Command('weft-edge')
  .description(
    "What a pod of the edge needs beside Envoy: its bootstrap, and a graceful end. Not the control plane's process.",
  )
  .version(version);

program
  .command('bootstrap')
  .description('writes the bootstrap of this pod (POD_NAMESPACE, POD_NAME, POD_IP)')
  .requiredOption('--control-plane <host:port>', 'where proxies find the control plane')
  .requiredOption('--port <number>', 'where callers come in', Number)
  .requiredOption('--out <file>', 'read by `envoy -c`')
  .option('--memory-bytes <number>', "the memory limit of Envoy's container", Number)
  .option('--max-connections <number>', 'connections of callers at once', Number)
  .action(async (options: BootstrapOptions) => {
    const { POD_NAMESPACE: namespace, POD_NAME: name, POD_IP: host } = process.env;
    const [, controlPlaneHost, controlPlanePort] = /^(.+):(\d+)$/.exec(options.controlPlane) ?? [];
    const listen = parseSocketAddress(host?.includes(':') ? `[${host}]:${options.port}` : `${host}:${options.port}`);
    if (!namespace || !name || !listen)
      throw new RangeError('POD_NAMESPACE, POD_NAME and POD_IP must say which pod this is');
    if (controlPlaneHost === undefined)
      throw new RangeError(`--control-plane ${options.controlPlane} must be host:port`);
    // Only here: draining must not load what knows Envoy's whole API.
    const { edgeBootstrap } = await import('./bootstrap-edge.ts');
    const controlPlane = { host: controlPlaneHost, port: Number(controlPlanePort) };
    const { memoryBytes, maxConnections } = options;
    for (const [option, value] of Object.entries({
      '--memory-bytes': memoryBytes,
      '--max-connections': maxConnections,
    })) {
      if (value !== undefined && !(Number.isSafeInteger(value) && value > 0))
        throw new RangeError(`${option} ${value} must be a whole number above 0`);
    }
    const bootstrap = edgeBootstrap({
      workload: `${namespace}/${name}`,
      controlPlane,
      listen,
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(maxConnections === undefined ? {} : { maxConnections }),
    });
    await writeFile(options.out, JSON.stringify(bootstrap));
  });

program
  .command('drain')
  .description('waits for SIGTERM, then until callers have left')
  .option('--linger <seconds>', 'at least so long', Number, 5)
  .option('--limit <seconds>', 'at most so long', Number, 25)
  .action(async ({ linger, limit }: { linger: number; limit: number }) => {
    const keepAlive = setInterval(() => {}, 3_600_000);
    await new Promise((resolve) => process.once('SIGTERM', resolve));
    clearInterval(keepAlive);
    const { connections } = await drainEdge({ adminSocket, lingerMs: linger * 1000, limitMs: limit * 1000 });
    console.log(JSON.stringify({ level: 'info', msg: 'drained', connections }));
  });

try {
  await program.parseAsync();
} catch (error) {
  console.error(`weft-edge: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
