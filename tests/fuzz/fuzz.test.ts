import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { freePort, type Mesh } from '../mesh.ts';
import { takeMesh } from '../shared-mesh.ts';
import { waitFor } from '../wait-for.ts';
import { type Bystander, startBystander } from './bystander.ts';
import { oddContract } from './contracts.ts';
import { exchange } from './exchange.ts';
import { oddFrames } from './frames.ts';
import { oddJson } from './json.ts';
import { oddPolicies } from './policies.ts';
import { Random } from './random.ts';
import { oddRequest } from './rest-requests.ts';
import { admit, calmContract, Tenant } from './tenant.ts';

// Random input at every door of a running mesh, while somebody else uses the shop. `make fuzz` gives each door ten minutes; `make test`
// gives it a fixed number of inputs. FUZZ_SEED=N repeats a run.

const seconds = Number(process.env.FUZZ_SECONDS ?? 0);
const seed = Number(process.env.FUZZ_SEED ?? 20_261_128);

/** No process may be larger at the end: what it has at rest, and room for every limit of docs/limits.md at once. */
const maxRssMiB = { node: 512, envoy: 512 };

interface Process {
  readonly name: string;
  readonly pid: number | undefined;
  readonly maxMiB: number;
}

let mesh: Mesh;
let bystander: Bystander;
let atStart: readonly Process[];

test.before(async () => {
  mesh = await takeMesh();
  await admit(join(mesh.state, 'mesh'), ['fuzz', 'calm']);
  atStart = await processes();
  bystander = startBystander(mesh.edge);
});
test.after.always(async () => {
  await bystander?.stop();
  await mesh?.stop();
});

/** Runs one attempt after the other: `attempts` of them, or for FUZZ_SECONDS. Then nobody may have noticed. */
async function fuzz(
  t: ExecutionContext,
  door: string,
  attempts: number,
  attempt: (random: Random, index: number) => Promise<void>,
): Promise<void> {
  t.timeout(seconds * 1_000 + 240_000);
  const end = Date.now() + seconds * 1_000;
  const before = bystander.answered;
  let index = 0;
  for (; seconds > 0 ? Date.now() < end : index < attempts; index++) {
    bystander.during = `${door}, FUZZ_SEED ${seed}, attempt ${index}`;
    await attempt(new Random(seed + index), index);
  }
  await waitFor('another answer to the bystander', () => bystander.answered > before);
  t.deepEqual(bystander.failures.slice(0, 5), []);
  const now = await processes();
  t.deepEqual(now, atStart, 'a process has ended');
  t.deepEqual(await tooLarge(now), []);
  t.log(`${index} attempts; ${bystander.answered - before} calls of a bystander were answered`);
}

test.serial('contracts: what one tenant publishes keeps no other tenant’s change from arriving', async (t) => {
  const fuzzed = new Tenant(join(mesh.state, 'mesh'), 'fuzz', await freePort());
  const calm = new Tenant(join(mesh.state, 'mesh'), 'calm', await freePort());
  let slowestMs = 0;
  await fuzz(t, 'contracts', 10, async (random, index) => {
    await fuzzed.publish(oddContract(random));
    if (index % 5 > 0) return;
    slowestMs = Math.max(slowestMs, await arrivalMs(calm, `/calm/contracts-${index}`));
  });
  await fuzzed.leave();
  await calm.leave();
  await nothingRefused();
  t.log(`the slowest change of another tenant was in force after ${slowestMs} ms`);
});

test.serial('policies: the same for what a tenant says about its service', async (t) => {
  const fuzzed = new Tenant(join(mesh.state, 'mesh'), 'fuzz', await freePort());
  const calm = new Tenant(join(mesh.state, 'mesh'), 'calm', await freePort());
  let slowestMs = 0;
  await fuzz(t, 'policies', 10, async (random, index) => {
    if (index % 20 === 0) await fuzzed.publish(oddContract(random));
    await fuzzed.say(oddPolicies(random));
    if (index % 5 > 0) return;
    slowestMs = Math.max(slowestMs, await arrivalMs(calm, `/calm/policies-${index}`));
  });
  await fuzzed.leave();
  await calm.leave();
  await nothingRefused();
  t.log(`the slowest change of another tenant was in force after ${slowestMs} ms`);
});

test.serial('REST: any bytes at the edge', async (t) => {
  await fuzz(t, 'REST', 20, async (random) => {
    const requests = Array.from({ length: 5 }, () => oddRequest(random, `127.0.0.1:${mesh.port}`));
    await Promise.all(requests.map((bytes) => exchange({ port: mesh.port, host: '127.0.0.1' }, bytes, 100)));
  });
});

test.serial('JSON: any document for a method of the kit, at the edge', async (t) => {
  await fuzz(t, 'JSON', 25, async (random) => {
    for (const path of ['/v1/orders', '/shop.orders.v1.OrderService/PlaceOrder']) {
      const body = oddJson(random);
      const response = await fetch(`${mesh.edge}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      const text = await response.text();
      t.true(response.status < 500, `${path} ${response.status}: ${text.slice(0, 300)} for ${body.slice(0, 300)}`);
    }
  });
});

test.serial('HTTP/2: any frames at the edge', async (t) => {
  await fuzz(t, 'frames at the edge', 25, async (random) => {
    const connections = Array.from({ length: 3 }, () => oddFrames(random, '/shop.orders.v1.OrderService/GetOrder'));
    await Promise.all(connections.map((bytes) => exchange({ port: mesh.port, host: '127.0.0.1' }, bytes, 100)));
  });
});

test.serial('HTTP/2: any frames at a service of the kit', async (t) => {
  const socket = join(mesh.state, 'run/orders-0.sock');
  await fuzz(t, 'frames at the kit', 25, async (random) => {
    const connections = Array.from({ length: 3 }, () => oddFrames(random, '/shop.orders.v1.OrderService/GetOrder'));
    await Promise.all(connections.map((bytes) => exchange({ path: socket }, bytes, 100)));
  });
});

/** How long it takes until the edge has a path that a tenant publishes now. */
async function arrivalMs(tenant: Tenant, path: string): Promise<number> {
  const start = performance.now();
  await tenant.publish(calmContract(path));
  await waitFor(
    `${path} at the edge`,
    async () => {
      const response = await fetch(`${mesh.edge}${path}`);
      await response.body?.cancel();
      return response.status !== 404;
    },
    { intervalMs: 20, timeoutMs: 10_000 },
  );
  return Math.round(performance.now() - start);
}

/** No proxy is left with an update that it refused. */
async function nothingRefused(): Promise<void> {
  await waitFor('every proxy to have taken what it was sent last', async () => {
    const { workloads } = await mesh.status();
    return workloads.every(({ proxy }) => (proxy?.acknowledgements ?? []).every(({ nack }) => !nack));
  });
}

/** The processes of the mesh, with what each may be at most. */
async function processes(): Promise<readonly Process[]> {
  const { replicas, processes: others } = (await mesh.status()).supervisor;
  return [
    ...replicas.flatMap(({ name, pid, envoyPid }) => [
      { name, pid, maxMiB: maxRssMiB.node },
      { name: `${name}'s Envoy`, pid: envoyPid, maxMiB: maxRssMiB.envoy },
    ]),
    ...others.map(({ name, pid }) => ({ name, pid, maxMiB: maxRssMiB.node })),
  ];
}

/** What is too large among them. Where there is no /proc, nothing is. */
async function tooLarge(of: readonly Process[]): Promise<readonly string[]> {
  const sizes = await Promise.all(
    of.map(async ({ name, pid, maxMiB }) => {
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
      const mib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
      return mib > maxMiB ? [`${name} has ${mib.toFixed(0)} MiB, more than ${maxMiB}`] : [];
    }),
  );
  return sizes.flat();
}
