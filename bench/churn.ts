/**
 * What a steady stream of changes does: 50 pods a second become ready or stop being ready, for a minute, in 1,000 Services with
 * 200 delta ADS streams (see cluster-propagation.ts). The delay of a change begins when the API server's answer to its patch is
 * read, and ends when a stream has written its ACK of a response that shows it. The delay by ten-second window shows whether a
 * backlog grows; in the end every stream must hold exactly the pods that are ready.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ChurnDelays } from './churn-delays.ts';
import { Cleanup } from './cleanup.ts';
import { ClientsProcess } from './clients-process.ts';
import { ClusterScenario } from './cluster-scenario.ts';
import { wallMs } from './control-plane-process.ts';
import { median, quantile } from './pairs.ts';
import { cpuMs, residentMegabytes } from './process-usage.ts';

const usage = `Usage: node bench/churn.ts [options]

Runs on the cluster of $KUBECONFIG; without KUBECONFIG, on a recorded API server.

  --services N   Services of five pods, and of one more that comes and goes (default: 1000)
  --streams N    delta ADS streams                                           (default: 200)
  --rate N       changes a second                                            (default: 50)
  --seconds N    how long                                                    (default: 60)
  --help         this text`;

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '1000' },
    streams: { type: 'string', default: '200' },
    rate: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '60' },
    help: { type: 'boolean', default: false },
  },
});
const services = Number(values.services);
const streams = Number(values.streams);
const rate = Number(values.rate);
const total = Math.round(rate * Number(values.seconds));
const goalMs = 250;
const windowMs = 10_000;
/** How long the streams have after the last change. */
const patienceMs = 30_000;

if (values.help) console.log(usage);
else await main();

async function main(): Promise<void> {
  const cleanup = new Cleanup();
  cleanup.onSignals();
  try {
    await measure(cleanup);
  } finally {
    await cleanup.run();
  }
}

async function measure(cleanup: Cleanup): Promise<void> {
  const scenario = await ClusterScenario.open({ services, spares: services }, cleanup);
  const controlPlane = await scenario.controlPlane(cleanup);
  const clients = new ClientsProcess();
  cleanup.teardown(() => clients.close());
  const members = await scenario.members(streams);
  const server = `https://127.0.0.1:${controlPlane.port}`;
  await clients.make({ group: 'weft', server, members, secrets: ['identity', 'root'], asks: true, endpoints: true });
  console.log('starting the control plane, connecting the streams ...');
  await controlPlane.start();
  await clients.connect('weft');
  await clients.drainEndpoints('weft');

  console.log(`${total} changes, ${rate} a second:`);
  const delays = new ChurnDelays(streams);
  const cpuBefore = cpuMs(controlPlane.pid);
  const begin = wallMs();
  const answers: Promise<void>[] = [];
  /** A spare pod of each Service in turn becomes ready; in the next turn it stops, and so on. */
  const isReady = (change: number) => Math.floor(change / services) % 2 === 0;
  /** Where each window ends among the changes. */
  const windows: number[] = [];
  const endWindow = async () => {
    delays.take(await clients.drainEndpoints('weft'));
    windows.push(answers.length);
    const { waiting } = delays.between(0, answers.length);
    console.log(`  ${answers.length} changes; ${waiting} of their ${answers.length * streams} ACKs are still to come`);
  };
  let nextWindow = begin + windowMs;
  for (let change = 0; change < total; change++) {
    await sleep(Math.max(0, begin + (change * 1000) / rate - wallMs()));
    const spare = change % services;
    const sentMs = wallMs();
    delays.sent(change, scenario.spareAddress(spare), isReady(change), sentMs);
    answers.push(scenario.setSpare(spare, isReady(change)).then((at) => delays.answered(change, at)));
    if (wallMs() < nextWindow) continue;
    nextWindow += windowMs;
    await endWindow();
  }
  await Promise.all(answers);
  const end = wallMs() + patienceMs;
  const last = () => delays.between(total - 1, total);
  while (last().waiting > 0 && wallMs() < end) {
    await sleep(50);
    delays.take(await clients.drainEndpoints('weft'));
  }
  if (windows.at(-1) !== total) await endWindow();
  const cpu = (cpuMs(controlPlane.pid) - cpuBefore) / total;
  await sleep(1000);
  delays.take(await clients.drainEndpoints('weft'));

  const spares = Array.from({ length: Math.min(services, total) }, (_, spare) => ({
    address: scenario.spareAddress(spare),
    ready: isReady(total - 1 - ((total - 1 - spare) % services)),
  }));
  const addresses = (ready: boolean) => spares.filter((each) => each.ready === ready).map(({ address }) => address);
  const lost = await clients.checkEndpoints('weft', [...scenario.addresses(), ...addresses(true)], addresses(false));
  console.log('delay by window:');
  const medians = windows.map((windowEnd, index) => {
    const { ms } = delays.between(windows[index - 1] ?? 0, windowEnd);
    const [p50 = '', p99 = '', max = ''] = [0.5, 0.99, 1].map((share) => quantile(ms, share).toFixed(0));
    console.log(`  until change ${windowEnd}: p50 ${p50}  p99 ${p99}  max ${max} ms`);
    return median(ms);
  });
  const { ms, waiting } = last();
  const lastMs = waiting > 0 ? patienceMs : quantile(ms, 1);
  console.log(`the last change was at every stream after ${lastMs.toFixed(0)} ms (goal ${goalMs} ms)`);
  console.log(`endpoints lost: ${lost.missing} missing, ${lost.stale} stale, over all streams (goal 0)`);
  console.log(
    `CPU a change ${cpu.toFixed(1)} ms, resident ${residentMegabytes(controlPlane.pid).toFixed(0)} MiB; ` +
      `changes that some stream never saw by themselves: ${delays.skipped()}`,
  );
  console.log(`ratio churn/goal-last ${(lastMs / goalMs).toFixed(2)}`);
  console.log(
    `ratio churn/last-to-first-window ${((medians.at(-1) ?? Number.NaN) / (medians[0] ?? Number.NaN)).toFixed(2)}`,
  );
  if (lost.missing + lost.stale > 0) process.exitCode = 1;
}
