import { request } from 'node:http';
import { againHeader } from '@weft/compiler/envoy/names';
import { tinyContract, tinyPath } from '@weft/compiler/testing/tiny-contract';
import test, { type ExecutionContext } from 'ava';
import { MeshProcess } from './mesh-process.fixture.ts';
import { behaviours, startRawApplication } from './on-envoy/testing/raw-application.ts';
import { RawCaller } from './on-envoy/testing/raw-call.ts';

// What a real control plane tells a real Envoy of callees that its application has never called.

const path = tinyPath('bakery.catalog', 'Get');

/** catalog, which names orders, behind its Envoy; and orders, which says `calls`. */
async function bakery(t: ExecutionContext, calls: readonly string[] = []) {
  const mesh = await MeshProcess.open(t, {
    packages: ['bakery', 'foreign'].map((name) => ({ namespace: name, protoPackage: name })),
  });
  const [catalog, orders] = await Promise.all([mesh.addReplica('catalog'), mesh.addReplica('orders')]);
  await mesh.publish('catalog', catalog, tinyContract('bakery.catalog', { Get: {}, Talk: { kind: 'bidi' } }, named));
  await mesh.publish('orders', orders, tinyContract('bakery.orders', { Call: {} }, { calls: [...calls] }));
  const application = await startRawApplication(catalog.application.replace('unix:', ''));
  t.teardown(() => application.away());
  const caller = new RawCaller(orders.outbound);
  t.teardown(() => caller.close());
  await mesh.untilServing('catalog', 'orders');
  return { mesh, orders, application, caller };
}

const named = { callers: ['bakery.orders'] };

/** What the control plane gave the Envoy of orders, without times. */
async function held(mesh: MeshProcess): Promise<string> {
  const parts = ['active_clusters', 'listeners', 'endpoint_configs', 'route_configs'];
  const dumps = await Promise.all(
    parts.map((part) => mesh.envoy('orders').admin(`/config_dump?include_eds&resource=dynamic_${part}`)),
  );
  return dumps.join('\n').replaceAll(/"last_updated": "[^"]*"/g, '');
}

test('a contract that names a caller changes nothing at it; its calls go through, the first included', async (t) => {
  t.timeout(120_000);
  const { mesh, orders, application, caller } = await bakery(t);
  const [before, compiled] = [await held(mesh), (await mesh.config('orders-0')).configJson];
  t.false(before.includes('outbound|bakery/catalog'));

  // Somebody else's contract of 2,000 methods names orders.
  const methods = Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`Method${index}`, {}]));
  await mesh.putContract('foreign', 'foreign.den.binpb', tinyContract('foreign.den', methods, named));
  await mesh.put('den.yaml', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'foreign', name: 'den' },
    spec: { selector: { app: 'den' }, ports: [{ port: 80, appProtocol: 'grpc' }] },
  });
  await mesh.until('den is there', (status) => status.services.some(({ name }) => name === 'den'));
  t.is((await mesh.config('orders-0')).configJson, compiled);
  t.is(await held(mesh), before);

  // Hosts that nobody has leave nothing behind.
  const invented = Array.from({ length: 300 }, (_, index) => caller.call({ authority: `bakery.nobody${index}`, path }));
  t.deepEqual([...new Set((await Promise.all(invented)).map(({ grpcStatus }) => grpcStatus))], ['12']);
  // A method that catalog does not open to orders is refused in words, and teaches nobody anything.
  const refused = await caller.call({ authority: 'bakery.catalog', path: tinyPath('bakery.catalog', 'None') });
  t.is(refused.grpcStatus, '12');
  t.is((await mesh.config('orders-0')).configJson, compiled);

  const marked: string[] = [];
  application.behaviour = (stream, headers) => {
    marked.push(...Object.keys(headers).filter((name) => name === againHeader));
    behaviours.ok(stream);
  };
  // Many first calls at once, with bodies, by both versions of HTTP.
  const body = Buffer.alloc(70_000);
  const firsts = Array.from({ length: 50 }, () => caller.call({ authority: 'bakery.catalog', path, body }));
  const http1 = callHttp1(orders.outbound);
  t.deepEqual([...new Set((await Promise.all(firsts)).map(({ grpcStatus }) => grpcStatus))], ['0']);
  t.is(await http1, 200);
  t.is(application.seen.length, 51);
  t.is(marked.length, 0);
  t.true((await held(mesh)).includes('outbound|bakery/catalog'));
  t.false((await held(mesh)).includes('foreign/den'));

  // From now on calls go straight on.
  const again = await mesh.stat('orders', 'cluster.again.upstream_rq_total');
  t.is((await caller.call({ authority: 'bakery.catalog', path })).grpcStatus, '0');
  t.is(await mesh.stat('orders', 'cluster.again.upstream_rq_total'), again);

  // A control plane that starts anew is told by the proxy whom it calls, and takes nothing away.
  await mesh.stop();
  await mesh.start();
  await mesh.untilServing('catalog', 'orders');
  t.true((await held(mesh)).includes('outbound|bakery/catalog'));
  t.is((await caller.call({ authority: 'bakery.catalog', path })).grpcStatus, '0');
  t.is(await mesh.stat('orders', 'cluster.again.upstream_rq_total'), again);
});

test('a caller that declares its calls is told of the callee before the first', async (t) => {
  t.timeout(60_000);
  const { mesh, caller } = await bakery(t, ['bakery.catalog']);
  t.true((await held(mesh)).includes('outbound|bakery/catalog'));
  t.is((await caller.call({ authority: 'bakery.catalog', path })).grpcStatus, '0');
  t.is(await mesh.stat('orders', 'cluster.again.upstream_rq_total'), 0);
});

/** A gRPC call by HTTP/1.1, as far as such a call goes: its HTTP status. */
function callHttp1(outbound: string): Promise<number> {
  const [host, port] = outbound.split(':');
  return new Promise((resolve, reject) => {
    const call = request({
      host,
      port,
      path,
      method: 'POST',
      headers: { host: 'bakery.catalog', 'content-type': 'application/grpc', te: 'trailers' },
    });
    call.on('response', (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode ?? 0));
    });
    call.on('error', reject);
    call.end(Buffer.alloc(5));
  });
}
