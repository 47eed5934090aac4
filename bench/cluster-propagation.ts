/**
 * How long a pod that becomes ready takes to reach every proxy, with the control plane on the API of Kubernetes: Services of five
 * ready pods each in one meshed namespace without contracts, and delta ADS streams over TLS, each with the token of one of the
 * pods. A change patches the status of one more pod of one Service. The latency begins when the API server's answer to the patch
 * is read, and ends when a stream has written its ACK of the response that brought the pod's endpoint; p50 and p99 are over all
 * changes and streams. The baseline is a bare node:http2 server that writes the same bytes to as many streams of the same clients,
 * from the rename of a file that it watches. The two take turns.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { typeUrls } from '@weft/compiler/envoy/resource';
import { startBare } from './bare-process.ts';
import { Cleanup } from './cleanup.ts';
import { ClientsProcess } from './clients-process.ts';
import { ClusterScenario, podsEach } from './cluster-scenario.ts';
import { wallMs } from './control-plane-process.ts';
import { quantile } from './pairs.ts';
import { cpuMs, residentMegabytes } from './process-usage.ts';

const usage = `Usage: node bench/cluster-propagation.ts [options]

Runs on the cluster of $KUBECONFIG; without KUBECONFIG, on a recorded API server.
The cluster must not have Weft; everything is in a namespace of its own, which is removed.

  --cases LIST    Services x streams of each case   (default: 200x200,1000x200,200x1000)
  --changes N     changes that count, for each case (default: 20)
  --help          this text`;

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '200x200,1000x200,200x1000' },
    changes: { type: 'string', default: '20' },
    help: { type: 'boolean', default: false },
  },
});
const changes = Number(values.changes);
/** The first of them gives the baseline its bytes. */
const uncounted = 2;
/** What a change leaves to do after its last ACK, such as history and status, belongs to it. */
const restMs = 300;

interface Case {
  readonly services: number;
  readonly streams: number;
}

interface Found {
  readonly p50: number;
  readonly p99: number;
  readonly cpu: number;
  readonly rss: number;
}

if (values.help) console.log(usage);
else await main();

async function main(): Promise<void> {
  const lines: string[] = [];
  const cpuBy = new Map<string, number>();
  for (const each of casesOf(values.cases)) {
    const { weft, bare } = await measure(each);
    const { services, streams } = each;
    const name = `${services}x${streams}`;
    cpuBy.set(name, weft.cpu);
    const ratio = (what: string, value: number) =>
      lines.push(`ratio cluster-propagation/${what.replace('*', name)} ${value.toFixed(2)}`);
    ratio('bare-*-p50', weft.p50 / bare.p50);
    ratio('bare-*-p99', weft.p99 / bare.p99);
    ratio('bare-*-cpu', weft.cpu / bare.cpu);
    for (const [figure, goal] of Object.entries(goalsOf(each))) ratio(`goal-*-${figure}`, weft[keyOf(figure)] / goal);
    const fewer = cpuBy.get(`${services}x200`);
    if (streams === 1000 && fewer !== undefined) ratio(`cpu-${services}x1000-to-200`, weft.cpu / fewer);
  }
  for (const line of lines) console.log(line);
}

function casesOf(list: string): Case[] {
  return list.split(',').map((name) => {
    const [services = 0, streams = 0] = name.split('x').map(Number);
    if (!(services >= 1 && streams >= 1 && streams <= services * podsEach)) {
      throw new Error(`--cases: ${name} must be SERVICESxSTREAMS, with at most ${podsEach} streams for each Service`);
    }
    return { services, streams };
  });
}

/** The goals on two cores that the clients share, in milliseconds and MiB. */
function goalsOf({ services, streams }: Case): Partial<Found> {
  if (streams !== 200) return {};
  if (services === 200) return { p50: 25, p99: 60, cpu: 30, rss: 200 };
  return services === 1000 ? { p50: 30, p99: 72, cpu: 36, rss: 320 } : {};
}

function keyOf(figure: string): keyof Found {
  return figure === 'p50' || figure === 'p99' || figure === 'cpu' ? figure : 'rss';
}

async function measure(each: Case): Promise<{ weft: Found; bare: Found }> {
  const cleanup = new Cleanup();
  cleanup.onSignals();
  try {
    return await measureWith(each, cleanup);
  } finally {
    await cleanup.run();
  }
}

async function measureWith(each: Case, cleanup: Cleanup): Promise<{ weft: Found; bare: Found }> {
  const { services, streams } = each;
  const scenario = await ClusterScenario.open({ services, spares: changes + uncounted }, cleanup);
  const controlPlane = await scenario.controlPlane(cleanup);
  const clients = new ClientsProcess();
  cleanup.teardown(() => clients.close());
  const members = await scenario.members(streams);
  const server = `https://127.0.0.1:${controlPlane.port}`;
  await clients.make({ group: 'weft', server, members, secrets: ['identity', 'root'], asks: true, endpoints: true });
  const seconds = (from: number, to: number) => ((to - from) / 1000).toFixed(1);

  console.log(`${services} Services, ${streams} streams: starting the control plane ...`);
  const begin = wallMs();
  await controlPlane.start();
  const ready = wallMs();
  console.log(`  it serves after ${seconds(begin, ready)} s; connecting the streams ...`);
  const { warmAt } = await clients.connect('weft');
  console.log(`  all streams are warm after ${seconds(ready, warmAt)} s`);
  const { missing } = await clients.checkEndpoints('weft', scenario.addresses(), []);
  if (missing > 0) throw new Error(`${missing} endpoints are missing from streams that have all that they asked for`);

  const bare = await startBare(join(await cleanup.directory('bench-bare-'), 'watched'), cleanup);
  await clients.make({ group: 'bare', server: bare.server, members, secrets: [], asks: false });
  await clients.connect('bare');

  const sliceMs: number[] = [];
  const changeMesh = async (spare: number, frames = false) => {
    const address = scenario.spareAddress(spare);
    const acked = await clients.expectEndpoint('weft', address, { present: true, frames });
    const at = await scenario.setSpare(spare, true);
    const answer = await acked();
    sliceMs.push(scenario.sliceAtMs - at);
    await sleep(restMs);
    return { at, ...answer };
  };
  const changeBare = async () => {
    const acked = await clients.expect('bare', typeUrls.endpoints, false);
    const at = await bare.change('ready');
    const answer = await acked();
    await sleep(restMs);
    return { at, ...answer };
  };
  const tokens = new Map(members.map(({ node, token }) => [node, token]));
  const { frames, bytes } = await changeMesh(0, true);
  await bare.give('ready', new Map([...(frames ?? [])].map(([node, framed]) => [tokens.get(node) ?? '', framed])));
  await changeBare();
  await changeMesh(1);
  await changeBare();

  console.log(`  ${changes} changes, ${(bytes / streams / 1000).toFixed(2)} kB to each stream ...`);
  sliceMs.length = 0;
  const pids = { weft: controlPlane.pid, bare: bare.pid };
  const latencies = { weft: [] as number[], bare: [] as number[] };
  const cpu = { weft: 0, bare: 0 };
  const turn = async (side: 'weft' | 'bare', change: () => Promise<{ at: number; acked: readonly number[] }>) => {
    const before = cpuMs(pids[side]);
    const { at, acked } = await change();
    cpu[side] += cpuMs(pids[side]) - before;
    latencies[side].push(...acked.map((time) => time - at));
  };
  for (let round = 0; round < changes; round++) {
    const sides = [() => turn('weft', () => changeMesh(uncounted + round)), () => turn('bare', changeBare)];
    for (const side of round % 2 === 0 ? sides : sides.reverse()) await side();
  }
  const found = (side: 'weft' | 'bare'): Found => ({
    p50: quantile(latencies[side], 0.5),
    p99: quantile(latencies[side], 0.99),
    cpu: cpu[side] / changes,
    rss: residentMegabytes(pids[side]),
  });
  const results = { weft: found('weft'), bare: found('bare') };
  const goals = goalsOf(each);
  const goal = (value: number | undefined, unit: string) => (value === undefined ? '' : ` (goal ${value} ${unit})`);
  for (const [name, { p50, p99, cpu: ms, rss }] of Object.entries(results)) {
    const of = name === 'weft' ? goals : {};
    console.log(
      `  ${name}: p50 ${p50.toFixed(1)} ms${goal(of.p50, 'ms')}, p99 ${p99.toFixed(1)} ms${goal(of.p99, 'ms')}, ` +
        `CPU a change ${ms.toFixed(0)} ms${goal(of.cpu, 'ms')}, resident ${rss.toFixed(0)} MiB${goal(of.rss, 'MiB')}`,
    );
  }
  console.log(`  the EndpointSlice itself changed ${quantile(sliceMs, 0.5).toFixed(1)} ms after the answer (p50)`);
  return results;
}
