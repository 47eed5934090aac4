import { tinyContract, tinyPath } from '@weft/compiler/testing/tiny-contract';
import test from 'ava';
import { type Behaviour, behaviours } from './testing/raw-application.ts';
import { runBakery } from './testing/running-bakery.ts';

test('calls stay in their zone, leave it for what it cannot carry, and when nobody is left there', async (t) => {
  t.timeout(90_000);
  const front = tinyContract('bakery.front', { Call: {} });
  const leaf = tinyContract('bakery.leaf', { Call: {} }, { callers: ['bakery.front'] });
  const bakery = await runBakery(
    { front, leaf },
    {
      replicas: { front: 2, leaf: 2 },
      settings: { zoneAware: true },
      zones: { 'front-0': 'a', 'front-1': 'b', 'leaf-0': 'a', 'leaf-1': 'b' },
    },
  );
  t.teardown(() => bakery.stop());
  t.deepEqual(bakery.mesh.nacks, []);
  const leaves = ['leaf-0', 'leaf-1'].map((name) => bakery.replica(name).application);
  const seen = new Map<Behaviour, number>();
  for (const leaf of leaves) {
    const count: Behaviour = (stream) => {
      seen.set(count, (seen.get(count) ?? 0) + 1);
      behaviours.ok(stream);
    };
    leaf.behaviour = count;
  }
  /** How many of 200 calls of a caller each of the two replicas saw. */
  const calls = async (name: string) => {
    seen.clear();
    for (let call = 0; call < 200; call += 1) {
      const answer = await bakery
        .replica(name)
        .caller.call({ authority: 'bakery.leaf', path: tinyPath('bakery.leaf', 'Call') });
      t.is(answer.grpcStatus, '0');
    }
    return leaves.map(({ behaviour }) => seen.get(behaviour) ?? 0);
  };

  // One in a thousand goes elsewhere, so that a way is known when all fail here.
  const [near = 0, far = 0] = await calls('front-0');
  t.true(near >= 199 && near + far === 200, `${near} and ${far}`);
  const [far1 = 0, near1 = 0] = await calls('front-1');
  t.true(near1 >= 199 && near1 + far1 === 200, `${near1} and ${far1}`);

  // Half of the replicas are in zone a, and now all of the callers.
  bakery.ready('front-1', false);
  await bakery.apply();
  const [half = 0, other = 0] = await calls('front-0');
  t.true(Math.abs(half - other) <= 2, `${half} and ${other}`);

  bakery.ready('front-1', true);
  bakery.ready('leaf-0', false);
  await bakery.apply();
  t.deepEqual(await calls('front-0'), [0, 200]);
});
