/**
 * How long the control plane takes from exec until it has delivered a first full snapshot, in a cluster of 1,000 Services with
 * 5,000 pods: a delta ADS stream over TLS, with the token of a pod, holds every cluster, route, secret and endpoint. The state
 * directory is empty, as that of a new pod is; the cluster has the root of an earlier start. The client tries to connect every
 * 20 ms. The baseline, in turns, is a process that lists the same objects from the same API server and ends.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Cleanup } from './cleanup.ts';
import { ClientsProcess } from './clients-process.ts';
import { ClusterScenario } from './cluster-scenario.ts';
import { wallMs } from './control-plane-process.ts';
import { median, spread } from './pairs.ts';
import { cpuMs, residentMegabytes } from './process-usage.ts';

const usage = `Usage: node bench/cold-start.ts [options]

Runs on the cluster of $KUBECONFIG; without KUBECONFIG, on a recorded API server.

  --services N   Services of five pods      (default: 1000)
  --rounds N     starts that count          (default: 5)
  --help         this text`;

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '5' },
    help: { type: 'boolean', default: false },
  },
});
const services = Number(values.services);
const rounds = Number(values.rounds);
const goalSeconds = 3;
const bareLists = fileURLToPath(new URL('./bare-lists.ts', import.meta.url));

if (values.help) console.log(usage);
else await main();

async function main(): Promise<void> {
  const cleanup = new Cleanup();
  cleanup.onSignals();
  try {
    const scenario = await ClusterScenario.open({ services, spares: 0 }, cleanup);
    const clients = new ClientsProcess();
    cleanup.teardown(() => clients.close());
    // The first start makes the root, and does not count.
    await startWeft(scenario, clients);
    await startLists(scenario);
    const seconds = { weft: [] as number[], lists: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      const sides = [
        async () => seconds.weft.push(await startWeft(scenario, clients)),
        async () => seconds.lists.push(await startLists(scenario)),
      ];
      for (const side of round % 2 === 0 ? sides : sides.reverse()) await side();
    }
    console.log(`first full snapshot  ${spread(seconds.weft, 's')} (goal ${goalSeconds} s)`);
    console.log(`the lists alone      ${spread(seconds.lists, 's')}`);
    console.log(`ratio cold-start/lists ${(median(seconds.weft) / median(seconds.lists)).toFixed(2)}`);
    console.log(`ratio cold-start/goal ${(median(seconds.weft) / goalSeconds).toFixed(2)}`);
  } finally {
    await cleanup.run();
  }
}

async function startWeft(scenario: ClusterScenario, clients: ClientsProcess): Promise<number> {
  const cleanup = new Cleanup();
  try {
    const controlPlane = await scenario.controlPlane(cleanup);
    const server = `https://127.0.0.1:${controlPlane.port}`;
    const members = await scenario.members(1);
    await clients.make({ group: 'weft', server, members, secrets: ['identity', 'root'], asks: true, endpoints: true });
    const begin = wallMs();
    const starting = controlPlane.start().then(wallMs);
    const { takenAt, warmAt } = await clients.connect('weft');
    const readyAt = await starting;
    const cpu = cpuMs(controlPlane.pid);
    const { missing } = await clients.checkEndpoints('weft', scenario.addresses(), []);
    if (missing > 0) throw new Error(`the first snapshot lacks ${missing} endpoints`);
    await clients.disconnect('weft', { forget: true });
    const seconds = (at: number) => ((at - begin) / 1000).toFixed(2);
    console.log(
      `  stream taken after ${seconds(takenAt)} s, full snapshot after ${seconds(warmAt)} s, "ready" after ` +
        `${seconds(readyAt)} s; CPU ${(cpu / 1000).toFixed(2)} s, resident ${residentMegabytes(controlPlane.pid).toFixed(0)} MiB`,
    );
    return (warmAt - begin) / 1000;
  } finally {
    await cleanup.run();
  }
}

async function startLists(scenario: ClusterScenario): Promise<number> {
  const begin = wallMs();
  const env = { ...process.env, API_SERVER: scenario.address };
  const child = spawn(process.execPath, [bareLists], { env, stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`the lists ended with ${code}`);
  return (wallMs() - begin) / 1000;
}
