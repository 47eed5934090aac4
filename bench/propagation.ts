/**
 * How long a change takes from the file that says it to each proxy's acknowledgement, with the control plane in its own process
 * and many delta ADS clients in another: an endpoint of a service that everybody calls, and its contract. The baseline is a
 * bare node:http2 server that sees a file in the same way and writes the same bytes to as many streams of the same clients, with
 * TLS as well. The two take turns.
 *
 * `--target HOST:PORT` runs the clients against any ADS server instead: see propagation-target.ts.
 */
import { join } from 'node:path';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { typeUrls } from '@weft/compiler/envoy/resource';
import { startBare } from './bare-process.ts';
import { Cleanup } from './cleanup.ts';
import { ClientsProcess } from './clients-process.ts';
import { ControlPlaneProcess, tokenOf, wallMs } from './control-plane-process.ts';
import { quantile } from './pairs.ts';
import { cpuMs, residentMegabytes } from './process-usage.ts';
import { measureTarget } from './propagation-target.ts';
import { hub, namespace, putReplica, replicaNames, syntheticContract, syntheticMesh } from './synthetic-mesh.ts';

const services = 200;
const rounds = Number(process.env.ROUNDS ?? 12);
const counts = (process.env.CLIENTS ?? '200,1000').split(',').map(Number);

/** What changes, and the type of resource by which each client learns of it. */
const kinds = { endpoint: typeUrls.endpoints, policy: typeUrls.route } as const;
type Kind = keyof typeof kinds;
/** In the order in which they are measured. */
const allKinds = ['policy', 'endpoint'] as const;

if (process.argv.includes('--target')) await measureTarget(process.argv.slice(2));
else {
  const ratios: Record<Kind, number[]> = { policy: [], endpoint: [] };
  for (const count of counts) {
    const found = await measure(count);
    for (const kind of allKinds) ratios[kind].push(found[kind]);
  }
  for (const kind of allKinds) console.log(`ratio propagation/bare-${kind} ${Math.max(...ratios[kind]).toFixed(2)}`);
  console.log(`ratio propagation/bare ${Math.max(...ratios.policy, ...ratios.endpoint).toFixed(2)}`);
}

/** The ratio of the medians, by what changes. */
async function measure(count: number): Promise<Record<Kind, number>> {
  const cleanup = new Cleanup();
  try {
    return await measureWith(count, cleanup);
  } finally {
    await cleanup.run();
  }
}

async function measureWith(count: number, cleanup: Cleanup): Promise<Record<Kind, number>> {
  const dir = await cleanup.directory('bench-propagation-');
  const plan = { services, methods: 5, replicas: Math.ceil(count / services), callees: 3, hub: true };
  const mesh = syntheticMesh(plan);
  const workloads = replicaNames(plan)
    .slice(0, count)
    .map((name) => `${namespace}/${name}`);
  const contracts = [1000, 2000].map((deadlineMs) => {
    const callers = Array.from({ length: services }, (_, i) => `s${i}`);
    const set = syntheticContract({ name: hub, methods: plan.methods, callers, deadlineMs });
    mesh.contract(namespace, `${hub}-${deadlineMs}`, set);
    return contractHash(set);
  });
  putReplica(mesh, `${hub}-0`, contracts[0] ?? '');
  putReplica(mesh, `${hub}-1`, contracts[0] ?? '', false);
  const controlPlane = await ControlPlaneProcess.prepare(dir, mesh.files, workloads);
  cleanup.teardown(() => controlPlane.kill());
  const clients = new ClientsProcess();
  cleanup.teardown(() => clients.close());

  console.log(`${count} clients, ${services} services`);
  const members = workloads.map((node) => ({ node, token: tokenOf(node) }));
  const server = `https://127.0.0.1:${controlPlane.port}`;
  const secrets = ['identity', 'root'];
  await clients.make({ group: 'weft', server, members, secrets, asks: true });
  await start('first start', controlPlane, clients);

  const bare = await startBare(join(dir, 'bare'), cleanup);
  await clients.make({ group: 'bare', server: bare.server, members, secrets: [], asks: false });
  await clients.connect('bare');

  /** Makes the change, and gives how long each client took and, if wanted, what it was sent. */
  const changeMesh = async (kind: Kind, round: number, frames = false) => {
    // Each kind goes to and fro between two states of one of the hub's two replicas; all of the hub's callers learn of it.
    const name = kind === 'endpoint' ? `${hub}-1` : `${hub}-0`;
    if (kind === 'endpoint') putReplica(mesh, name, contracts[0] ?? '', round % 2 === 1);
    else putReplica(mesh, name, contracts[round % 2] ?? '');
    const path = `${namespace}/workloads/${name}.yaml`;
    const acked = await clients.expect('weft', kinds[kind], frames);
    const at = await controlPlane.put(path, mesh.files.get(path) ?? new Uint8Array());
    return { at, ...(await acked()) };
  };
  const changeBare = async (kind: Kind) => {
    const acked = await clients.expect('bare', kinds[kind], false);
    const at = await bare.change(kind);
    return { at, ...(await acked()) };
  };
  const ratios: Record<Kind, number> = { policy: Number.NaN, endpoint: Number.NaN };
  for (const kind of allKinds) {
    // The first two, which do not count, give the bytes.
    await changeMesh(kind, 1);
    const { frames, bytes } = await changeMesh(kind, 2, true);
    await bare.give(kind, new Map([...(frames ?? [])].map(([node, framed]) => [tokenOf(node), framed])));
    await changeBare(kind);
    const found = { weft: newFindings(), bare: newFindings() };
    // An even number: the last policy change leaves the first contract again.
    for (let round = 3; round < 2 * Math.ceil(rounds / 2) + 3; round++) {
      const sides = [
        async () => record(found.weft, controlPlane.pid, () => changeMesh(kind, round)),
        async () => record(found.bare, bare.pid, () => changeBare(kind)),
      ];
      for (const side of round % 2 === 0 ? sides : sides.reverse()) await side();
    }
    console.log(`  ${kind} change, ${(bytes / count / 1000).toFixed(1)} kB to each client`);
    for (const [name, { ms, cpu }] of Object.entries(found)) {
      const figures = `p50 ${quantile(ms, 0.5).toFixed(1)}  p99 ${quantile(ms, 0.99).toFixed(1)} ms`;
      console.log(`    ${name.padEnd(5)} ${figures}  CPU a change ${(cpu / (ms.length / count)).toFixed(0)} ms`);
    }
    const ratio = (share: number) => quantile(found.weft.ms, share) / quantile(found.bare.ms, share);
    console.log(`ratio propagation/bare-${kind}-${count}-p50 ${ratio(0.5).toFixed(2)}`);
    console.log(`ratio propagation/bare-${kind}-${count}-p99 ${ratio(0.99).toFixed(2)}`);
    ratios[kind] = ratio(0.5);
  }
  const resident = residentMegabytes(controlPlane.pid);
  console.log(`  resident ${resident.toFixed(0)} MB; the bare server ${residentMegabytes(bare.pid).toFixed(0)} MB`);

  await controlPlane.kill();
  await clients.disconnect('weft', { forget: false });
  await start('restart, clients keep what they hold', controlPlane, clients);
  await controlPlane.kill();
  await clients.disconnect('weft', { forget: true });
  await start('restart, clients have nothing', controlPlane, clients);
  return ratios;
}

async function start(what: string, controlPlane: ControlPlaneProcess, clients: ClientsProcess): Promise<void> {
  const begin = wallMs();
  await controlPlane.start();
  const ready = wallMs();
  const { warmAt } = await clients.connect('weft');
  const seconds = (from: number, to: number) => ((to - from) / 1000).toFixed(2);
  console.log(`  ${what}: serves after ${seconds(begin, ready)} s, all are warm after ${seconds(begin, warmAt)} s`);
}

interface Findings {
  readonly ms: number[];
  cpu: number;
}

function newFindings(): Findings {
  return { ms: [], cpu: 0 };
}

async function record(
  findings: Findings,
  pid: number,
  change: () => Promise<{ at: number; acked: readonly number[] }>,
): Promise<void> {
  const before = cpuMs(pid);
  const { at, acked } = await change();
  findings.ms.push(...acked.map((time) => time - at));
  findings.cpu += cpuMs(pid) - before;
}
