import { tinyContract, tinyPath } from '@weft/compiler/testing/tiny-contract';
import test from 'ava';
import { type Behaviour, behaviours } from './testing/raw-application.ts';
import { runShop } from './testing/running-shop.ts';

test('calls stay in their zone, leave it for what it cannot carry, and when nobody is left there', async (t) => {
  t.timeout(90_000);
  const front = tinyContract('shop.front', { Call: {} });
  const leaf = tinyContract('shop.leaf', { Call: {} }, { callers: ['shop.front'] });
  const shop = await runShop(
    { front, leaf },
    {
      replicas: { front: 2, leaf: 2 },
      settings: { zoneAware: true },
      zones: { 'front-0': 'a', 'front-1': 'b', 'leaf-0': 'a', 'leaf-1': 'b' },
    },
  );
  t.teardown(() => shop.stop());
  t.deepEqual(shop.mesh.nacks, []);
  const leaves = ['leaf-0', 'leaf-1'].map((name) => shop.replica(name).application);
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
      const answer = await shop
        .replica(name)
        .caller.call({ authority: 'shop.leaf', path: tinyPath('shop.leaf', 'Call') });
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
  shop.ready('front-1', false);
  await shop.apply();
  const [half = 0, other = 0] = await calls('front-0');
  t.true(Math.abs(half - other) <= 2, `${half} and ${other}`);

  shop.ready('front-1', true);
  shop.ready('leaf-0', false);
  await shop.apply();
  t.deepEqual(await calls('front-0'), [0, 200]);
});
