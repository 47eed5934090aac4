import { tinyContract, tinyPath } from '@weft/compiler/testing/tiny-contract';
import test from 'ava';
import { counter, runBakery } from './testing/running-bakery.ts';

const replicas = ['leaf-0', 'leaf-1', 'leaf-2'];

test('a rolling update costs one handshake for each new replica and caller, and no session outlives its certificate', async (t) => {
  const bakery = await runBakery(
    {
      front: tinyContract('bakery.front', { Call: {} }),
      leaf: tinyContract('bakery.leaf', { Call: {} }, { callers: ['bakery.front'] }),
    },
    { replicas: { leaf: replicas.length } },
  );
  t.teardown(() => bakery.stop());
  const { envoy, caller } = bakery.replica('front-0');
  const seen = () => replicas.filter((name) => bakery.replica(name).application.seen.length > 0);
  /** Calls, many at once, until every ready replica has had one. */
  const callAll = async (ready: number) => {
    for (const name of replicas) bakery.replica(name).application.seen.length = 0;
    while (seen().length < ready) {
      const path = tinyPath('bakery.leaf', 'Call');
      const calls = Array.from({ length: 20 }, () => caller.call({ authority: 'bakery.leaf', path }));
      for (const { grpcStatus } of await Promise.all(calls)) t.is(grpcStatus, '0');
    }
  };
  const handshakes = () => counter(envoy, 'cluster.outbound|bakery/leaf.ssl.handshake');
  await callAll(3);
  t.is(await handshakes(), 3);
  for (const [index, name] of replicas.entries()) {
    bakery.ready(name, false);
    await bakery.apply();
    await callAll(2);
    t.is(await handshakes(), 3 + index);
    bakery.ready(name, true);
    await bakery.apply();
    await callAll(3);
    t.is(await handshakes(), 4 + index);
  }
  t.is(await counter(envoy, 'cluster.outbound|bakery/leaf.ssl.session_reused'), 0);
});
