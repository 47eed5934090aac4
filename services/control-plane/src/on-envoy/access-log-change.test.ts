import { tinyContract, tinyPath } from '@weft/compiler/testing/tiny-contract';
import test from 'ava';
import { startLoad } from './testing/load.ts';
import { behaviours } from './testing/raw-application.ts';
import { runBakery } from './testing/running-bakery.ts';
import { until } from './testing/running-control-plane.ts';

// A level is a part of listeners, so a change of it drains their connections: what becomes of calls.

/** Longer than two changes of the level take on a busy machine. */
const drainSeconds = 8;
const path = (method: string) => tinyPath('bakery.leaf', method);

test('a change of the level fails no call that ends within the drain, and then ends the longer ones', async (t) => {
  const methods = { Call: {}, Held: {}, Watch: { kind: 'server' } } as const;
  const bakery = await runBakery(
    {
      front: tinyContract('bakery.front', { Call: {} }),
      leaf: tinyContract('bakery.leaf', methods, { callers: ['bakery.front'] }),
    },
    { settings: { accessLog: 'off' }, mesh: { drainSeconds } },
  );
  t.teardown(() => bakery.stop());
  const { application } = bakery.replica('leaf-0');
  const held: (() => void)[] = [];
  application.behaviour = (stream, headers) => {
    if (headers[':path'] === path('Call')) behaviours.ok(stream);
    else if (headers[':path'] === path('Held')) held.push(() => behaviours.ok(stream));
    else {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
      stream.write(Buffer.alloc(5));
    }
  };
  const { caller } = bakery.replica('front-0');
  const call = (method: string) => caller.call({ authority: 'bakery.leaf', path: path(method) });
  const load = startLoad(() => call('Call'));
  const setLevel = async (service: string, accessLog: string) => {
    bakery.directory.put(`${service}.yaml`, {
      kind: 'MeshPolicy',
      metadata: { namespace: 'bakery', name: service },
      spec: { service, accessLog },
    });
    await bakery.apply();
    t.deepEqual(bakery.mesh.nacks, []);
    const { calls } = load;
    await until(() => load.calls > calls + 50);
  };
  await until(() => load.calls > 50);
  for (const service of ['leaf', 'front']) {
    const answer = call('Held');
    let ended = false;
    const watch = call('Watch').then((answer) => {
      ended = true;
      return answer;
    });
    await until(() => held.length === 1 && application.seen.includes(path('Watch')));
    await setLevel(service, 'all');
    await setLevel(service, 'errors');
    t.false(ended);
    held.pop()?.();
    t.is((await answer).grpcStatus, '0');
    // It had headers and a message, and no status follows.
    t.like(await watch, { status: 200, grpcStatus: undefined, body: Buffer.alloc(5) });
    application.seen.length = 0;
  }
  await load.stop();
  t.deepEqual(load.failures, []);
});
