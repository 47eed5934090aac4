import { once } from 'node:events';
import { createServer, get } from 'node:http';
import { connect } from 'node:net';
import { DirectoryCompiler } from '@weft/compiler/testing/directory-compiler';
import { MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import test from 'ava';
import { DenialCounts } from '../refusals/denial-counts.ts';
import { PlainTextCalls } from '../refusals/plain-text-calls.ts';
import { createRefusedConnections, refusedConnectionsPath } from '../refusals/refused-connections.ts';
import { freePorts } from './testing/free-ports.ts';
import { runControlPlane, until } from './testing/running-control-plane.ts';

test('plain text that is taken is told when it begins, each call once', async (t) => {
  t.timeout(60_000);
  const [web, raw] = await freePorts(2);
  const directory = new MeshDirectory({ permissive: [{ namespace: 'bakery' }] });
  const calls = new PlainTextCalls();
  const compiler = new DirectoryCompiler();
  const { mesh } = compiler;
  const controlPlane = await runControlPlane({
    snapshot: (id) => compiler.snapshot(id),
    workload: (id) => mesh.workloads.get(id),
    methods: new Map([
      [
        refusedConnectionsPath,
        createRefusedConnections({ mesh: () => mesh, counts: new DenialCounts(), plainText: calls }),
      ],
    ]),
  });
  t.teardown(() => controlPlane.stop());
  directory.put('bakery/web.yaml', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'bakery', name: 'web' },
    spec: {
      selector: { app: 'web' },
      ports: [
        { port: 80, targetPort: web, appProtocol: 'http' },
        { port: 5432, targetPort: raw },
      ],
    },
  });
  directory.put('bakery/web-0.yaml', {
    kind: 'Workload',
    metadata: { namespace: 'bakery', name: 'web-0', labels: { app: 'web' } },
    spec: {
      serviceAccount: 'web',
      pod: { addresses: ['127.0.0.1'], interception: 'none', application: `unix:${controlPlane.dir}/app` },
    },
    status: { ready: true },
  });
  compiler.update(directory);
  const application = createServer((_, response) => response.end('hello'));
  application.listen(`${controlPlane.dir}/app`);
  await once(application, 'listening');
  t.teardown(() => application.close());
  await controlPlane.startProxy('bakery/web-0');
  t.deepEqual(controlPlane.nacks, []);

  const open = connect({ host: '127.0.0.1', port: raw ?? 0 });
  t.teardown(() => open.destroy());
  await until(
    () => calls.list().length === 1,
    () => 'a connection that is still open',
  );
  const [first] = calls.list();
  t.like(first, { target: 'bakery/web:5432', count: 1, inMesh: true });

  for (const _ of [1, 2]) {
    const request = get({ host: '127.0.0.1', port: web, agent: false });
    const [response] = await once(request, 'response');
    t.is(response.statusCode, 200);
    response.resume();
    await once(response, 'end');
  }
  open.destroy();
  await once(open, 'close');
  // The end of each is on stdout, and by then told long since.
  await until(() => controlPlane.log.filter((line) => /"log":"(access|connection)"/.test(line)).length === 3);
  await until(() => calls.list().some(({ target, count }) => target === 'bakery/web:80' && count === 2));
  t.deepEqual(
    calls.list().map(({ target, count }) => [target, count]),
    [
      ['bakery/web:80', 2],
      ['bakery/web:5432', 1],
    ],
  );
});
