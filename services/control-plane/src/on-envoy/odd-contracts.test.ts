import { compileFiles, lint } from '@weft/compiler';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { typeUrls } from '@weft/compiler/envoy/resource';
import { MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import { chanceOf, mutatedContract } from '@weft/compiler/testing/mutated-contract';
import { oddCases } from '@weft/compiler/testing/odd-cases';
import { oddContract } from '@weft/compiler/testing/odd-contracts';
import test, { type ExecutionContext } from 'ava';
import { freePorts } from './testing/free-ports.ts';
import { until } from './testing/running-control-plane.ts';
import { runMesh } from './testing/running-mesh.ts';

const contracts = oddCases.map((odd, n) => ({ ...odd, n, set: oddContract({ n, ...odd.make(n) }) }));

test('lint names what Envoy would refuse, and nothing that it takes', (t) => {
  for (const { name, set, refused } of contracts) {
    const [first] = lint(set);
    if (refused === undefined) t.is(first, undefined, `${name}: ${first?.message}`);
    else t.regex(first?.message ?? '', refused, name);
  }
});

// One mesh holds all of them at once: no two contracts meet in one descriptor pool, whatever files they have in common.
test('what lint lets pass, a real edge takes, and what it does not stops nobody', async (t) => {
  const passed = contracts.filter(({ refused }) => refused === undefined);
  await taken(t, contracts, passed);
});

test('whatever bytes somebody publishes are refused by name, or a real edge takes them', async (t) => {
  const seed = Number(process.env.WEFT_SEED ?? 1);
  const chance = chanceOf(seed);
  const sound = oddCases.filter(({ refused }) => refused === undefined);
  const mutants = Array.from({ length: 400 }, (_, index) => {
    const odd = sound[chance(sound.length)] ?? sound[0];
    const n = 1000 + index;
    return {
      n,
      name: `seed ${seed}, ${index}: ${odd?.name}`,
      set: mutatedContract(oddContract({ n, ...odd?.make(n) }), chance),
    };
  });
  // What is renamed is another service, which nobody calls here.
  const own = mutants.filter(({ n, set }) => Buffer.from(set).includes(`bakery.odd${n}.v1`));
  const passed = own.filter(({ set }) => lint(set).length === 0);
  t.true(passed.length > 50, `${passed.length}`);
  await taken(t, own, passed, false);
});

interface Published {
  readonly n: number;
  readonly name: string;
  readonly set: Uint8Array;
}

/** Publishes contracts, of which `passed` are in order, and waits until a real edge has taken those that it serves. */
async function taken(
  t: ExecutionContext,
  all: readonly Published[],
  passed: readonly Published[],
  complete = true,
): Promise<void> {
  t.timeout(120_000);
  const mesh = await runMesh();
  t.teardown(() => mesh.stop());
  const [edge] = await freePorts(1);
  const directory = (held: readonly Published[]) => {
    const files = new MeshDirectory().edge(`127.0.0.1:${edge}`);
    for (const { n, set } of held) {
      files
        .contract('bakery', `bakery.odd${n}`, set)
        .service(`odd${n}`)
        .replica(`odd${n}-0`, {
          contract: contractHash(set),
          inbound: '127.0.0.1:9',
          application: 'unix:/run/odd',
        });
    }
    return files;
  };
  await mesh.update(directory([]));
  const envoy = await mesh.startProxy('weft/edge-0');
  await mesh.update(directory(all));
  t.notThrows(() => compileFiles(directory(all).files, 'weft/edge-0'));
  t.deepEqual(mesh.compiler.compiler.failures(), []);
  if (complete) {
    const named = mesh.compiler.mesh.problems.map(({ resource }) => resource);
    const refused = new Set(named.filter((resource) => resource.startsWith('contracts/')));
    t.is(refused.size, all.length - passed.length);
  }
  const routes = Buffer.from(
    mesh.compiler.snapshot('weft/edge-0')?.get(typeUrls.route)?.get('gateway|edge')?.body ?? [],
  );
  const served = passed.filter(({ n }) => routes.includes(`/bakery.odd${n}.v1.`));
  t.true(served.length > passed.length / 2, `${served.length} of ${passed.length}`);
  if (complete) t.is(served.length, passed.length);
  const missing = async () => {
    const held = await envoy.admin('/config_dump?resource=dynamic_route_configs');
    return served.filter(({ n }) => !held.includes(`/bakery.odd${n}.v1.`)).map(({ name }) => name);
  };
  await until(async () => mesh.nacks.length > 0 || (await missing()).length === 0);
  if (mesh.nacks.length === 0) return;
  // Which one it is, one after the other.
  for (const each of passed) {
    await mesh.update(directory([]));
    const before = mesh.nacks.length;
    await mesh.update(directory([each]));
    await new Promise((resolve) => setTimeout(resolve, 50));
    t.is(mesh.nacks.length, before, `${each.name}: ${mesh.nacks.at(-1)?.message}`);
  }
  t.fail(mesh.nacks[0]?.message);
}
