import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { buildChange, changeNames } from '@weft/compiler/diff/changes.fixture';
import { diffMeshes } from '@weft/compiler/diff/diff-meshes';
import type { MeshDiff } from '@weft/compiler/diff/mesh-diff';
import { MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import test from 'ava';
import { answersRest, Bakery, type Observation, observe } from './observe.fixture.ts';
import { freePorts } from './testing/free-ports.ts';
import { runMesh } from './testing/running-mesh.ts';

// What the diff says of each recorded change, and what three callers see before and after it through real Envoys.

const service = 'bakery.bread.v1.BreadService';
const methods = ['GetLoaf', 'Bake', 'Slice'];
const restPaths = ['/v1/loaves/{loaf}', '/v1/bread/{loaf}'];

test('diff: what it says of ten changes is what callers see', async (t) => {
  t.timeout(100_000);
  const names = changeNames();
  t.is(names.length, 10);
  const mesh = await runMesh();
  const bakery = new Bakery();
  t.teardown(() => mesh.stop());
  t.teardown(() => bakery.close());
  await bakery.listen(`${mesh.dir}/bread`);
  const [breadIn = 0, ovenIn = 0, ovenOut = 0, cartIn = 0, cartOut = 0, edge = 0] = await freePorts(6);
  const callers = { 'bakery.oven': ovenOut, 'bakery.cart': cartOut, edge };
  const own = { oven: buildChange('callers', 'bakery/oven'), cart: buildChange('callers', 'bakery/cart') };

  const directory = (bread: Uint8Array) => {
    const packages = [{ namespace: 'bakery', protoPackage: 'bakery' }];
    const files = new MeshDirectory({ packages }).edge(`127.0.0.1:${edge}`);
    const replica = (name: string, set: Uint8Array, inbound: number, outbound?: number) => {
      const ports = { inbound: `127.0.0.1:${inbound}`, ...(outbound ? { outbound: `127.0.0.1:${outbound}` } : {}) };
      const application = `unix:${mesh.dir}/${name}`;
      files.contract('bakery', name, set).service(name, 'bakery');
      files.replica(`${name}-0`, { namespace: 'bakery', contract: contractHash(set), application, ...ports });
    };
    replica('bread', bread, breadIn);
    replica('oven', own.oven, ovenIn, ovenOut);
    replica('cart', own.cart, cartIn, cartOut);
    return files.files;
  };

  let started = false;
  const see = async (): Promise<Map<string, Observation>> => {
    const calls = Object.entries(callers).flatMap(([caller, port]) =>
      methods.map(async (method): Promise<[string, Observation]> => {
        const path = `${service}/${method}`;
        return [`${caller} ${path}`, await observe(port, 'bakery.bread', path, bakery)];
      }),
    );
    const seen = new Map(await Promise.all(calls));
    for (const path of restPaths) seen.set(`REST GET ${path}`, { allowed: await answersRest(edge, 'GET', path) });
    return seen;
  };

  for (const name of names) {
    await mesh.update({ files: directory(buildChange(`${name}/old`)) });
    const before = mesh.compiler.assembled();
    if (!started) {
      await Promise.all((['bread-0', 'oven-0', 'cart-0'] as const).map((id) => mesh.startProxy(`bakery/${id}`)));
      await mesh.startProxy('weft/edge-0');
      started = true;
    }
    const old = await see();
    await mesh.update({ files: directory(buildChange(`${name}/new`)) });
    const after = mesh.compiler.assembled();
    t.deepEqual([...before.problems, ...after.problems], [], name);
    const fresh = await see();
    const said = aspectsOf(diffMeshes(before, after));
    t.true(said.length > 0, name);
    t.deepEqual(observedAspects(old, fresh), said, name);
  }
  t.deepEqual(mesh.nacks, []);
});

/** What really changed, in words. */
function observedAspects(old: Map<string, Observation>, fresh: Map<string, Observation>): string[] {
  return [...old]
    .flatMap(([call, was]) => {
      const is = fresh.get(call);
      if (is === undefined) return [];
      if (was.allowed !== is.allowed) return `${call}: ${is.allowed ? 'allowed' : 'denied'}`;
      const aspects: string[] = [];
      if (was.limited !== is.limited) return `${call}: ${is.limited ? 'limited' : 'no longer limited'}`;
      if (was.tries !== is.tries) aspects.push(`${call}: ${was.tries} tries become ${is.tries}`);
      if (was.slow !== is.slow) aspects.push(`${call}: slow calls ${is.slow ? 'live' : 'end'}`);
      return aspects;
    })
    .sort();
}

/** What the diff says that changes, in the same words. */
function aspectsOf({ calls }: MeshDiff): string[] {
  const aspects = calls.flatMap(({ callers, method, changes }) =>
    changes.flatMap(({ kind, before = '', after = '' }) =>
      callers.flatMap((caller) => {
        const call = `${caller} ${method}`;
        switch (kind) {
          case 'allowed':
          case 'method added':
            return `${call}: allowed`;
          case 'denied':
          case 'method removed':
            return `${call}: denied`;
          case 'retry begins':
          case 'retry ends':
          case 'retry':
            return `${call}: ${triesIn(before)} tries become ${triesIn(after)}`;
          case 'deadline':
            return `${call}: slow calls ${after.endsWith(' ms') ? 'end' : 'live'}`;
          case 'rate limit':
            return `${call}: ${after === 'none' ? 'no longer limited' : 'limited'}`;
          case 'REST added':
            return `REST ${after}: allowed`;
          case 'REST removed':
            return `REST ${before}: denied`;
          default:
            return [];
        }
      }),
    ),
  );
  return [...new Set(aspects)].sort();
}

function triesIn(retry: string): number {
  return 1 + (retry === 'none' ? 0 : Number.parseInt(retry, 10));
}
