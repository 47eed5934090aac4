import { tinyContract, tinyPath } from '@weft/compiler/testing/tiny-contract';
import test from 'ava';
import { type Behaviour, behaviours, trailersOnly } from './testing/raw-application.ts';
import { type RunningBakery, runBakery } from './testing/running-bakery.ts';
import { until } from './testing/running-control-plane.ts';

// Which calls get a line, by the level of the mesh, of the namespace and of the Service.

const objective = { percent: 99, within: { nanos: 20_000_000 } };
const service = (name: string) =>
  tinyContract(
    `bakery.${name}`,
    { Fine: {}, Traced: {}, Untraced: {}, Slow: { policy: { objective } }, Plain: {}, Failed: {}, Last: {} },
    { callers: ['bakery.front'] },
  );

const ended: Readonly<Record<string, Behaviour>> = {
  Slow: (stream) => setTimeout(() => behaviours.ok(stream), 60),
  Plain: (stream) => stream.respond({ ':status': 200, 'content-type': 'application/json' }, { endStream: true }),
  Failed: trailersOnly('5'),
  Last: trailersOnly('13'),
};

const traced = (flags: string) => ({ traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-${flags}` });

async function callAll(bakery: RunningBakery, name: string): Promise<void> {
  bakery.replica(`${name}-0`).application.behaviour = (stream, headers) =>
    (ended[String(headers[':path']).split('/').pop() ?? ''] ?? behaviours.ok)(stream, headers);
  const call = (method: string, headers = {}) =>
    bakery
      .replica('front-0')
      .caller.call({ authority: `bakery.${name}`, path: tinyPath(`bakery.${name}`, method), headers });
  await call('Fine');
  await call('Traced', traced('01'));
  await call('Untraced', traced('00'));
  await call('Slow');
  await call('Plain', { 'content-type': 'application/json' });
  await call('Failed');
  await call('Last');
}

/** The methods of a service of which a sidecar has a line, in the order of the lines. */
function logged(bakery: RunningBakery, sidecar: string, name: string): string[] {
  return bakery.mesh.log.flatMap((line) => {
    const [, method] =
      new RegExp(`^bakery.${sidecar} .*"path":"/bakery.${name}[.]v1[.][^/]*/([A-Za-z]+)"`).exec(line) ?? [];
    return method === undefined ? [] : [method];
  });
}

test('the level says which calls get a line: that of the Service, else of the namespace, else of the mesh', async (t) => {
  const names = ['every', 'few', 'quiet', 'leaf'];
  const bakery = await runBakery(
    {
      front: tinyContract('bakery.front', { Call: {} }),
      ...Object.fromEntries(names.map((name) => [name, service(name)])),
    },
    { settings: { accessLog: 'off', accessLogs: [{ namespace: 'bakery', level: 'sampled' }] } },
  );
  t.teardown(() => bakery.stop());
  const levels = { every: 'all', few: 'errors', quiet: 'off' };
  for (const [name, accessLog] of Object.entries(levels)) {
    bakery.directory.put(`${name}.yaml`, {
      kind: 'MeshPolicy',
      metadata: { namespace: 'bakery', name },
      spec: { service: name, accessLog },
    });
  }
  await bakery.apply();
  t.deepEqual(bakery.mesh.nacks, []);
  for (const name of names) await callAll(bakery, name);
  const lines = (sidecar: string, name: string) => logged(bakery, sidecar, name);
  for (const name of ['every', 'few', 'leaf']) await until(() => lines(`${name}-0`, name).includes('Last'));
  t.deepEqual(lines('every-0', 'every'), ['Fine', 'Traced', 'Untraced', 'Slow', 'Plain', 'Failed', 'Last']);
  t.deepEqual(lines('leaf-0', 'leaf'), ['Traced', 'Slow', 'Failed', 'Last']);
  t.deepEqual(lines('few-0', 'few'), ['Slow', 'Failed', 'Last']);
  t.deepEqual(lines('quiet-0', 'quiet'), []);
  // The caller's own level is what counts for its sidecar.
  await until(() => lines('front-0', 'leaf').includes('Last'));
  for (const name of names) t.deepEqual(lines('front-0', name), ['Traced', 'Slow', 'Failed', 'Last'], name);
});
