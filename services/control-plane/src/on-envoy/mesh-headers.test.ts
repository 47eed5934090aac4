import { connect, createServer, type Http2Server } from 'node:http2';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { descriptorSet, MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import { frameMessage } from '@weft/service-kit/grpc';
import anyTest, { type TestFn } from 'ava';
import { freePorts } from './testing/free-ports.ts';
import { type RunningMesh, runMesh } from './testing/running-mesh.ts';

// An application that is not made with the service kit, and what callers outside see of its headers and trailers.

const test = anyTest as TestFn<{ mesh: RunningMesh; application: Http2Server; edge: string }>;
const odd = { 'x-weft-failure': 'own', 'x-weft-outcome': '200/14/own', 'x-weft-odd': 'x', 'x-good': 'yes' };

test.before(async (t) => {
  const mesh = await runMesh();
  const application = createServer();
  application.on('stream', (stream, headers) => {
    const isShort = headers[':path']?.endsWith('/ListProducts');
    const fields = { ':status': 200, 'content-type': 'application/grpc', ...odd };
    stream.resume();
    if (isShort) return stream.respond({ ...fields, 'grpc-status': '9' }, { endStream: true });
    stream.respond(fields, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', ...odd }));
    stream.end(frameMessage(new Uint8Array()));
  });
  await new Promise<void>((resolve) => application.listen(`${mesh.dir}/catalog-0`, resolve));
  const [inbound, edgePort] = await freePorts(2);
  const catalog = descriptorSet('shop.catalog');
  const directory = new MeshDirectory()
    .contract('shop', 'shop.catalog', catalog)
    .service('catalog')
    .edge(`127.0.0.1:${edgePort}`, {})
    .replica('catalog-0', {
      contract: contractHash(catalog),
      inbound: `127.0.0.1:${inbound}`,
      application: `unix:${mesh.dir}/catalog-0`,
    });
  await mesh.update(directory);
  for (const name of ['shop/catalog-0', 'weft/edge-0'] as const) await mesh.startProxy(name);
  Object.assign(t.context, { mesh, application, edge: `127.0.0.1:${edgePort}` });
});

test.after.always(async (t) => {
  await t.context.mesh?.stop();
  t.context.application?.close();
});

for (const method of ['GetProduct', 'ListProducts']) {
  test(`what only the mesh may say is in no header and no trailer outside: ${method}`, async (t) => {
    const session = connect(`http://${t.context.edge}`);
    t.teardown(() => session.destroy());
    const stream = session.request({
      ':method': 'POST',
      ':path': `/shop.catalog.v1.CatalogService/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const headers: Record<string, unknown> = {};
    const trailers: Record<string, unknown> = {};
    stream.on('response', (received) => Object.assign(headers, received));
    stream.on('trailers', (received) => Object.assign(trailers, received));
    stream.end(frameMessage(Buffer.from([0x0a, 8, ...Buffer.from('ABC-1234')])));
    stream.resume();
    await new Promise((resolve) => stream.on('close', resolve));
    t.is(headers[':status'], 200);
    t.is(trailers['grpc-status'] ?? headers['grpc-status'], method === 'GetProduct' ? '0' : '9');
    for (const [name, value] of Object.entries({ ...headers, ...trailers }))
      t.false(name.startsWith('x-weft'), `${name}: ${value}`);
    t.is(headers['x-good'], 'yes');
    if (method === 'GetProduct') t.is(trailers['x-good'], 'yes');
  });
}

test('nor of an answer to REST', async (t) => {
  const response = await fetch(`http://${t.context.edge}/v1/products/ABC-1234`);
  t.deepEqual(
    [...response.headers.keys()].filter((name) => name.startsWith('x-weft')),
    [],
  );
  t.is(response.status, 200);
});
