/**
 * What two mTLS sidecars cost as the control plane programs them, against the same two Envoys with the smallest static mTLS
 * configuration: one unary call at a time, as many as they carry, a fixed rate, streams, and memory. The two take turns at each; the
 * application is one process for both, and the client another.
 *
 * CALLS (10,000), SECONDS_EACH (2) and ROUNDS (5) make it longer or shorter.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { tinyContract, tinyPath } from '@weft/compiler/testing/tiny-contract';
import { frameMessage } from '@weft/service-kit/grpc';
import { CatalogService, GetProductRequestSchema } from '@weft/test-contracts/bakery/catalog/v1/catalog';
import { Cleanup } from './cleanup.ts';
import type { LatencyPlan, LatencyReport } from './latency-client.ts';
import type { LoadRequest } from './load-client.ts';
import { median, quantile } from './pairs.ts';
import { cpuMicros, residentMegabytes } from './process-usage.ts';
import { type Pair, startPairs, staticPair } from './sidecar-pair.ts';

const calls = Number(process.env.CALLS ?? 10_000);
const seconds = Number(process.env.SECONDS_EACH ?? 2);
const rounds = Number(process.env.ROUNDS ?? 5);
const authority = 'bakery.catalog';
const path = `/${CatalogService.typeName}/GetProduct`;
const request = create(GetProductRequestSchema, { sku: 'WFT-0001' });
const body = Buffer.from(frameMessage(toBinary(GetProductRequestSchema, request))).toString('base64');
const contentType = 'application/grpc+proto';
const cleanup = new Cleanup();
const ratios: string[] = [];
const say = (name: string, value: number) => ratios.push(`ratio sidecar/${name} ${value.toFixed(2)}`);

/** The two sides by their names, in turns: who was first is last in the next round. */
type Sides = Readonly<Record<'weft' | 'static', Pair>>;

try {
  const pairs = await startPairs(cleanup);
  await started('./trivial-catalog.ts', pairs.catalog.application);
  const client = fork(new URL('./load-client.ts', import.meta.url));
  cleanup.teardown(() => client.disconnect());
  const resting = megabytes(pairs);
  await oneByOne(pairs, pairs.catalog.application);
  const carried = await capacity(pairs, client);
  for (const share of [0.5, 0.8]) await fixedRate(pairs, client, share, carried);
  const loaded = megabytes(pairs);
  console.log(
    `memory  weft ${loaded.weft.toFixed(0)} MB (${resting.weft.toFixed(0)} before the first call), static ${loaded.static.toFixed(0)} (${resting.static.toFixed(0)})`,
  );
  say('static-memory', loaded.weft / loaded.static);

  const application = `unix:${join(await cleanup.directory('bench-streams-'), 'application.sock')}`;
  await started('./stream-application.ts', application.slice('unix:'.length));
  const contract = tinyContract('bakery.catalog', { Watch: { kind: 'server' } }, { callers: ['bakery.orders'] });
  const other = await staticPair(cleanup, application);
  await pairs.mesh.publish('catalog', { ...pairs.catalog, application }, contract);
  await pairs.mesh.untilServing('catalog', 'orders');
  await streams({ weft: pairs.weft, static: other }, client);
  console.log(`load average ${loadavg()[0]?.toFixed(1)}`);
  console.log(ratios.join('\n'));
} finally {
  await cleanup.run();
}

async function oneByOne(sides: Sides, application: string): Promise<void> {
  const places = { weft: sides.weft.outbound, static: sides.static.outbound, none: application };
  const before = { weft: cpuMicros(...sides.weft.pids), static: cpuMicros(...sides.static.pids) };
  const report = await latencies({ path, authority, body, places, calls, block: 50 });
  for (const [name, ms] of Object.entries(report)) {
    console.log(`${name.padEnd(7)} p50 ${median(ms).toFixed(3)}  p99 ${quantile(ms, 0.99).toFixed(3)} ms`);
  }
  const cpu = {
    weft: cpuMicros(...sides.weft.pids) - before.weft,
    static: cpuMicros(...sides.static.pids) - before.static,
  };
  // With the calls of the warm-up, a fifth.
  for (const [name, micros] of Object.entries(cpu)) {
    console.log(`${name.padEnd(7)} CPU of both Envoys ${(micros / (1.2 * calls)).toFixed(0)} us a call, one at a time`);
  }
  const ratio = (name: string, share: number) =>
    quantile(report.weft ?? [], share) / quantile(report[name] ?? [], share);
  say('none-p50', ratio('none', 0.5));
  say('static-cpu', cpu.weft / cpu.static);
  say('static-p50', ratio('static', 0.5));
  say('static-p99', ratio('static', 0.99));
}

/** 32 calls at once, in turns. Returns what the static pair carries, in calls a second. */
async function capacity(sides: Sides, client: ChildProcess): Promise<number> {
  const found = {
    weft: { rate: [] as number[], cpu: [] as number[] },
    static: { rate: [] as number[], cpu: [] as number[] },
  };
  await inTurns(sides, rounds, async (name, pair) => {
    const before = cpuMicros(...pair.pids);
    const closed = { ...hostAndPort(pair), path, authority, contentType, connections: 1, streams: 32, seconds };
    const [rate = 0] = await ask(client, { closed, body });
    found[name].rate.push(rate);
    found[name].cpu.push((cpuMicros(...pair.pids) - before) / (rate * seconds));
  });
  for (const name of ['weft', 'static'] as const) {
    const { rate, cpu } = found[name];
    console.log(
      `${name.padEnd(7)} ${median(rate).toFixed(0)} calls/s, CPU of both Envoys ${median(cpu).toFixed(0)} us a call, 32 at once`,
    );
  }
  say('static-calls', median(found.weft.rate) / median(found.static.rate));
  say('static-cpu-32', median(found.weft.cpu.map((cpu, round) => cpu / (found.static.cpu[round] ?? Number.NaN))));
  return median(found.static.rate);
}

async function fixedRate(sides: Sides, client: ChildProcess, share: number, carried: number): Promise<void> {
  const rate = share * carried;
  const took = { weft: [] as number[], static: [] as number[] };
  await inTurns(sides, rounds, async (name, pair) => {
    const open = { ...hostAndPort(pair), path, authority, contentType, rate, seconds };
    for (const ms of await ask(client, { open, body })) took[name].push(ms);
  });
  for (const name of ['weft', 'static'] as const) {
    const at = [0.5, 0.99, 0.999].map((each) => quantile(took[name], each).toFixed(2));
    console.log(`${name.padEnd(7)} p50 ${at[0]}  p99 ${at[1]}  p99.9 ${at[2]} ms at ${rate.toFixed(0)} calls/s`);
  }
  const percent = Math.round(share * 100);
  for (const [words, each] of [
    ['p50', 0.5],
    ['p99', 0.99],
    ['p99.9', 0.999],
  ] as const) {
    say(`static-${percent}%-${words}`, quantile(took.weft, each) / quantile(took.static, each));
  }
}

async function streams(sides: Sides, client: ChildProcess): Promise<void> {
  const reading = (pair: Pair, count: number) => {
    return { address: pair.outbound, authority, path: tinyPath('bakery.catalog', 'Watch'), streams: count, seconds };
  };
  const rates = { weft: [] as number[], static: [] as number[] };
  await inTurns(sides, rounds, async (name, pair) => {
    const [bytes = 0] = await ask(client, { read: reading(pair, 10) });
    rates[name].push(bytes / (5 + 1024));
  });
  const grown = { weft: 0, static: 0 };
  await inTurns(sides, 1, async (name, pair) => {
    const before = residentMegabytes(...pair.pids);
    const held = ask(client, { hold: reading(pair, 100) });
    await new Promise((resolve) => setTimeout(resolve, seconds * 900));
    grown[name] = residentMegabytes(...pair.pids) - before;
    const [answered] = await held;
    if (answered !== 100) throw new Error(`sidecar: ${answered} of 100 streams were answered`);
  });
  for (const name of ['weft', 'static'] as const) {
    console.log(
      `${name.padEnd(7)} ${median(rates[name]).toFixed(0)} messages of 1 KB/s; 100 streams unread: ${grown[name].toFixed(1)} MB more`,
    );
  }
  say('static-messages', median(rates.weft) / median(rates.static));
  say('static-unread-memory', grown.weft / grown.static);
}

async function inTurns(
  sides: Sides,
  times: number,
  turn: (name: 'weft' | 'static', pair: Pair) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < times; round++) {
    const order = round % 2 === 0 ? (['weft', 'static'] as const) : (['static', 'weft'] as const);
    for (const name of order) await turn(name, sides[name]);
  }
}

function megabytes(sides: Sides) {
  return { weft: residentMegabytes(...sides.weft.pids), static: residentMegabytes(...sides.static.pids) };
}

function hostAndPort({ outbound }: Pair) {
  const [host = '', port] = outbound.split(':');
  return { host, port: Number(port) };
}

async function started(file: string, address: string): Promise<void> {
  const child = fork(new URL(file, import.meta.url), [address], { env: { ...process.env, LOG_LEVEL: 'silent' } });
  cleanup.teardown(() => child.disconnect());
  await once(child, 'message');
}

async function ask(client: ChildProcess, request: LoadRequest): Promise<readonly number[]> {
  client.send(request);
  const { numbers, error } = await answer(client);
  if (numbers === undefined) throw new Error(`sidecar: ${error}`);
  return numbers;
}

/** The next message of a client. */
async function answer(client: ChildProcess): Promise<{ numbers?: readonly number[]; error?: string }> {
  const [found] = await once(client, 'message');
  return found;
}

async function latencies(plan: LatencyPlan): Promise<LatencyReport> {
  const child = fork(new URL('./latency-client.ts', import.meta.url), [JSON.stringify(plan)]);
  const exited = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the client ended with ${code}`)));
  const [report] = await Promise.race([once(child, 'message'), exited]);
  exited.catch(() => {});
  return report;
}
