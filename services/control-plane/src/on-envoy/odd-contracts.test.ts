import { lint } from '@weft/compiler';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import { oddCases } from '@weft/compiler/testing/odd-cases';
import { oddContract } from '@weft/compiler/testing/odd-contracts';
import test from 'ava';
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
  t.timeout(120_000);
  const mesh = await runMesh();
  t.teardown(() => mesh.stop());
  const [edge] = await freePorts(1);
  const directory = (held: typeof contracts) => {
    const files = new MeshDirectory().edge(`127.0.0.1:${edge}`);
    for (const { n, set } of held) {
      files
        .contract('shop', `shop.odd${n}`, set)
        .service(`odd${n}`)
        .replica(`odd${n}-0`, { contract: contractHash(set), inbound: '127.0.0.1:9', application: 'unix:/run/odd' });
    }
    return files;
  };
  await mesh.update(directory([]));
  const envoy = await mesh.startProxy('weft/edge-0');
  await mesh.update(directory(contracts));
  t.deepEqual(mesh.compiler.compiler.failures(), []);
  const passed = contracts.filter(({ refused }) => refused === undefined);
  const named = mesh.compiler.mesh.problems.map(({ resource }) => resource);
  const refused = new Set(named.filter((resource) => resource.startsWith('contracts/')));
  t.is(refused.size, contracts.length - passed.length);
  const missing = async () => {
    const held = await envoy.admin('/config_dump?resource=dynamic_route_configs');
    return passed.filter(({ n }) => !held.includes(`/shop.odd${n}.v1.ThingService/Do`)).map(({ name }) => name);
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
});
