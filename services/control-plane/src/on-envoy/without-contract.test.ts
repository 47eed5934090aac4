import { once } from 'node:events';
import { createServer } from 'node:http';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { descriptorSet, MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import test from 'ava';
import { freePorts } from './testing/free-ports.ts';
import { RawCaller } from './testing/raw-call.ts';
import { until } from './testing/running-control-plane.ts';
import { runMesh } from './testing/running-mesh.ts';

const plain = { 'content-type': 'text/plain' };

test('a service without a contract is called by the paths that a MeshPolicy names, and by nobody else', async (t) => {
  const mesh = await runMesh();
  t.teardown(() => mesh.stop());
  const [ordersIn, ordersOut, catalogIn, catalogOut, legacyIn, application] = await freePorts(6);
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.httpVersion} ${request.method} ${request.url}`);
    if (request.url === '/v1/slow') return;
    response.end('legacy');
  });
  server.listen(application, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  t.teardown(() => server.closeAllConnections());

  const policy = (callers: readonly string[]) => ({
    kind: 'MeshPolicy',
    metadata: { namespace: 'bakery', name: 'legacy' },
    spec: {
      service: 'legacy',
      methods: [
        { path: '/v1/*', callers },
        { path: '/v1/slow', callers, deadline: '300ms' },
        { path: '/v1/admin', callers: [] },
      ],
    },
  });
  const directory = new MeshDirectory();
  for (const name of ['orders', 'catalog'])
    directory.contract('bakery', name, descriptorSet(`bakery.${name}`)).service(name);
  const replica = (name: string, inbound = 0, outbound = 0) =>
    directory.replica(`${name}-0`, {
      contract: contractHash(descriptorSet(`bakery.${name}`)),
      inbound: `127.0.0.1:${inbound}`,
      application: `unix:${mesh.dir}/${name}`,
      outbound: `127.0.0.1:${outbound}`,
    });
  replica('orders', ordersIn, ordersOut);
  replica('catalog', catalogIn, catalogOut);
  directory
    .put('bakery/legacy.yaml', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'bakery', name: 'legacy' },
      spec: { selector: { app: 'legacy' }, ports: [{ port: 80, appProtocol: 'http' }] },
    })
    .replica('legacy-0', { inbound: `127.0.0.1:${legacyIn}`, application: `127.0.0.1:${application}` })
    .put('legacy-policy.yaml', policy(['bakery.orders']));
  await mesh.update(directory, Date.now());
  t.deepEqual(mesh.compiler.mesh.problems, []);
  for (const id of ['bakery/orders-0', 'bakery/catalog-0', 'bakery/legacy-0'] as const) await mesh.startProxy(id);
  const orders = new RawCaller(`127.0.0.1:${ordersOut}`);
  const catalog = new RawCaller(`127.0.0.1:${catalogOut}`);
  t.teardown(() => orders.close());
  t.teardown(() => catalog.close());
  const get = (caller: RawCaller, path: string) => caller.call({ authority: 'legacy', path, headers: plain, body: '' });

  await until(async () => (await get(orders, '/v1/users?page=2')).status === 200);
  t.is(String((await get(orders, '/v1/users?page=2')).body), 'legacy');
  t.is(seen.at(-1), '1.1 POST /v1/users?page=2');
  const { status } = await get(orders, '/v1/slow');
  t.true(status >= 408 && status <= 504, `a deadline ends as ${status}`);
  const refusals = [
    // Below a path that orders may call, so that its own sidecar has a way; the callee's refuses.
    [
      orders,
      '/v1/admin',
      'weft: spiffe://weft.local/ns/bakery/sa/orders may not call v1/admin; MeshPolicy bakery/legacy names nobody',
    ],
    [catalog, '/v1/users', 'weft: bakery.catalog may not call v1/users; MeshPolicy bakery/legacy names bakery.orders'],
  ] as const;
  for (const [caller, path, sentence] of refusals) {
    const answer = await get(caller, path);
    t.is(answer.status, 403, path);
    t.is(String(answer.body), sentence);
  }
  t.is((await get(orders, '/v2/users')).status, 404);

  // A caller more, without a release.
  await mesh.update(directory.put('legacy-policy.yaml', policy(['bakery.orders', 'bakery.catalog'])), Date.now());
  await until(async () => (await get(catalog, '/v1/users')).status === 200);
  t.deepEqual(mesh.nacks, []);
  t.false(seen.some((line) => line.includes('admin') || line.includes('/v2/')));
});
