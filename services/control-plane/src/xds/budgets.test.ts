import { type EventEmitter, once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Client, credentials, status } from '@grpc/grpc-js';
import { typeUrls } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import test, { type ExecutionContext } from 'ava';
import { makeRoot, readAuthority } from '../identity/root-authority.ts';
import { serverCertificate } from '../identity/server-certificate.ts';
import { createDelivery } from './delivery.ts';
import type { XdsLimits } from './limits.ts';
import { AdsClient } from './testing/ads-client.ts';
import { cluster, endpoints } from './testing/resources.ts';
import { TestViews } from './testing/views.ts';
import { serveXds } from './transport.ts';

const id: WorkloadId = 'bakery/orders-0';
const root = readAuthority(makeRoot(), 'a root for tests');

/** A server whose tokens are workload ids, reached without TLS unless `tls` says so. */
async function start(t: ExecutionContext, limits: Partial<XdsLimits> = {}, { tls = false } = {}) {
  const views = new TestViews();
  const exceeded: string[] = [];
  const onExceeded = (who: string, message: string) => void exceeded.push(`${who}: ${message}`);
  const delivery = createDelivery({
    views,
    limits,
    onExceeded: (who, message) => onExceeded(`workload ${who}`, message),
  });
  const server = await serveXds({
    listen: { host: '127.0.0.1', port: 0 },
    tls: tls ? serverCertificate(root) : 'plaintext',
    delivery,
    limits,
    onExceeded,
    authenticate: async ({ authorization }) => {
      const [namespace, name] = (authorization ?? '').replace('Bearer ', '').split('/');
      return namespace && name ? { ok: true, workload: `${namespace}/${name}` } : { ok: false, message: 'no token' };
    },
  });
  const clients: Client[] = [];
  t.teardown(async () => {
    for (const client of clients) client.close();
    delivery.close();
    await server.close();
  });
  const client = () => {
    const made = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
    clients.push(made);
    return made;
  };
  return { views, delivery, exceeded, client, port: server.port };
}

/** Resolves when a connection is closed, in whatever way. */
const closed = (connection: EventEmitter) => new Promise<void>((resolve) => connection.once('close', () => resolve()));

const invented = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `invented-${from + index}`);

for (const typeUrl of [typeUrls.endpoints, typeUrls.route, typeUrls.cluster, typeUrls.secret]) {
  for (const variant of ['delta', 'sotw'] as const) {
    test(`invented names without number end the stream that asks for them, and no other: ${variant} ${typeUrl}`, async (t) => {
      const { views, client, exceeded, delivery } = await start(t);
      views.set(id, [endpoints('a')]);
      views.set('bakery/other-0', [cluster('b')]);
      const bystander = new AdsClient(client(), 'delta', 'bakery/other-0');
      bystander.ask({ typeUrl: typeUrls.cluster });
      bystander.ask({ typeUrl: typeUrls.cluster, nonce: (await bystander.next()).nonce });
      const greedy = new AdsClient(client(), variant, id);
      // The whole million once; what follows the first too many is dropped anyway.
      const total = typeUrl === typeUrls.endpoints ? 1_000_000 : 50_000;
      for (let from = 0; from < total; from += 50_000) {
        const names = invented(50_000, from);
        greedy.ask({ typeUrl, ...(variant === 'delta' ? { subscribe: names } : { names }) });
      }
      t.is(await greedy.ended, status.RESOURCE_EXHAUSTED);
      t.is(exceeded.length, 1);
      t.regex(
        exceeded[0] ?? '',
        /^workload bakery\/orders-0: subscriptions to \d+ names .* must be at most 10000 of 1048576$/,
      );
      t.deepEqual([...delivery.proxies().keys()], ['bakery/other-0']);
      views.set('bakery/other-0', [cluster('b', 'next')]);
      t.deepEqual((await bystander.next()).resources, ['b']);
    });
  }
}

test('names that come to the view, and names that are given up, make room for others', async (t) => {
  const { views, client } = await start(t, { maxOutsideNames: 10 });
  views.set(id, []);
  const proxy = new AdsClient(client(), 'delta', id);
  const ask = (subscribe: readonly string[], nonce = '') =>
    proxy.ask({ typeUrl: typeUrls.endpoints, subscribe, nonce });
  ask(invented(10));
  ask([], (await proxy.next()).nonce);
  views.set(id, [endpoints('invented-0'), endpoints('invented-1')]);
  ask([], (await proxy.next()).nonce);
  ask(['one', 'two']);
  ask([], (await proxy.next()).nonce);
  proxy.ask({ typeUrl: typeUrls.endpoints, unsubscribe: ['one'] });
  ask(['three']);
  ask([], (await proxy.next()).nonce);
  ask(['four']);
  t.is(await proxy.ended, status.RESOURCE_EXHAUSTED);
});

test('requests that are too large, or too many, end the stream before they are decoded', async (t) => {
  const { views, client } = await start(t, {
    maxNamesPerRequest: 100,
    maxRequestBytes: 100_000,
    work: { perSecond: 1, burst: 600 << 10 },
  });
  views.set(id, [endpoints('a')]);
  const ended = async (workload: WorkloadId, ask: (proxy: AdsClient) => void) => {
    const proxy = new AdsClient(client(), 'delta', workload);
    ask(proxy);
    return await proxy.ended;
  };
  const eds = typeUrls.endpoints;
  t.is(
    await ended('a/names', (proxy) => proxy.ask({ typeUrl: eds, subscribe: invented(101) })),
    status.RESOURCE_EXHAUSTED,
  );
  t.is(
    await ended('a/long', (proxy) => proxy.ask({ typeUrl: eds, subscribe: ['x'.repeat(2000)] })),
    status.RESOURCE_EXHAUSTED,
  );
  t.is(await ended('a/large', (proxy) => proxy.ask({ typeUrl: 'x'.repeat(200_000) })), status.RESOURCE_EXHAUSTED);
  const flood = (proxy: AdsClient) => {
    for (let count = 0; count < 500; count++) proxy.ask({ typeUrl: eds, subscribe: [`a-${count}`] });
  };
  t.is(await ended('a/flood', flood), status.RESOURCE_EXHAUSTED);
  // A new stream is no new budget, and another workload has its own.
  t.is(await ended('a/flood', () => undefined), status.RESOURCE_EXHAUSTED);
  const other = new AdsClient(client(), 'delta', id);
  other.ask({ typeUrl: eds, subscribe: ['a'] });
  t.deepEqual((await other.next()).resources, ['a']);
});

test('connections without a token are closed in time, whatever they do, and a proxy is served meanwhile', async (t) => {
  const { views, client, exceeded, port } = await start(t, { authenticateWithinMs: 300 });
  views.set(id, [cluster('a')]);
  const proxy = new AdsClient(client(), 'delta', id);
  proxy.ask({ typeUrl: typeUrls.cluster });
  proxy.ask({ typeUrl: typeUrls.cluster, nonce: (await proxy.next()).nonce });
  const silent = connectTcp(port, '127.0.0.1');
  const sessions = Array.from({ length: 50 }, () => connectHttp2(`http://127.0.0.1:${port}`));
  for (const session of sessions) session.on('error', () => undefined);
  // These ask and show no token, or never end their request.
  for (const session of sessions.slice(0, 20)) {
    const headers = {
      ':method': 'POST',
      ':path': '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
    };
    const stream = session.request({ ...headers, 'content-type': 'application/grpc' });
    stream.on('error', () => undefined);
  }
  silent.on('error', () => undefined).resume();
  await Promise.all([closed(silent), ...sessions.map((session) => closed(session))]);
  t.true(exceeded.includes('address 127.0.0.1: connections must show a valid token within 300 ms'));
  views.set(id, [cluster('a', 'next')]);
  t.deepEqual((await proxy.next()).resources, ['a']);
});

test('a TLS handshake that is not begun, or not ended, is over in time, and nobody else waits for it', async (t) => {
  const { port } = await start(t, { authenticateWithinMs: 300, maxNewcomers: 4 }, { tls: true });
  const silent = connectTcp(port, '127.0.0.1');
  const begun = connectTcp(port, '127.0.0.1');
  begun.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
  const idle = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  for (const socket of [silent, begun, idle]) socket.on('error', () => undefined).resume();
  await Promise.all([closed(silent), closed(begun), closed(idle)]);
  const next = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  next.on('error', () => undefined);
  await t.notThrowsAsync(once(next, 'secureConnect'));
  next.destroy();
});

test('more connections without a token than there may be are closed at once', async (t) => {
  const { port, exceeded } = await start(t, { maxNewcomers: 3 }, { tls: true });
  const sockets = Array.from({ length: 3 }, () => connectTcp(port, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  const late = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  late.on('error', () => undefined).resume();
  await closed(late);
  t.regex(exceeded[0] ?? '', /^address 127.0.0.1: at most 64 connections of one address, and 3 of all/);
  for (const socket of sockets) socket.destroy();
});

test('a workload has so many connections and calls, and no more', async (t) => {
  const { client, views, exceeded } = await start(t, { maxConnectionsPerWorkload: 2, maxCallsPerWorkload: 3 });
  views.set(id, [cluster('a')]);
  const first = new AdsClient(client(), 'delta', id);
  await first.headers;
  const second = new AdsClient(client(), 'delta', id);
  await second.headers;
  t.is(await new AdsClient(client(), 'delta', id).ended, status.RESOURCE_EXHAUSTED);
  t.deepEqual(exceeded, ['workload bakery/orders-0: bakery/orders-0 must have at most 2 connections']);
  await new AdsClient(client(), 'delta', 'bakery/orders-1').headers;
});

test('a flood of resets ends the connection, and no other', async (t) => {
  const { client, views, port } = await start(t);
  views.set(id, [cluster('a')]);
  const proxy = new AdsClient(client(), 'delta', id);
  proxy.ask({ typeUrl: typeUrls.cluster });
  proxy.ask({ typeUrl: typeUrls.cluster, nonce: (await proxy.next()).nonce });
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  const gone = closed(session);
  const headers = { ':method': 'POST', ':path': '/x/Y', 'content-type': 'application/grpc' };
  for (let left = 5_000; left > 0 && !session.destroyed; left--) {
    const stream = session.request(headers);
    stream.on('error', () => undefined);
    stream.close(8);
    if (left % 100 === 0) await new Promise(setImmediate);
  }
  await gone;
  views.set(id, [cluster('a', 'next')]);
  t.deepEqual((await proxy.next()).resources, ['a']);
});

test('a proxy that reads nothing is let go, with all that waits for it', async (t) => {
  const { client, views, delivery } = await start(t, { stalledMs: 200 });
  const big = 'x'.repeat(4_000_000);
  views.set(id, [cluster('a', big), cluster('b', big), cluster('c', big)]);
  const proxy = new AdsClient(client(), 'delta', id);
  proxy.pause();
  proxy.ask({ typeUrl: typeUrls.cluster });
  while (delivery.proxies().size === 0) await new Promise(setImmediate);
  while (delivery.proxies().size > 0) await new Promise(setImmediate);
  t.pass();
});
