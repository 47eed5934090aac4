import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { typeUrls } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import { controlPlaneName as serverName } from '@weft/compiler/pod/names';
import test from 'ava';
import { openRootAuthority } from '../identity/root-directory.ts';
import { serverCertificate } from '../identity/server-certificate.ts';
import { createDelivery } from './delivery.ts';
import { AdsClient } from './testing/ads-client.ts';
import { cluster, endpoints, resource } from './testing/resources.ts';
import { TestViews } from './testing/views.ts';
import { serveXds, type XdsServerOptions } from './transport.ts';

const id: WorkloadId = 'bakery/orders-0';

const dir = await mkdtemp(join(tmpdir(), 'weft-xds-'));
const root = await openRootAuthority(join(dir, 'root'));
const otherRoot = await openRootAuthority(join(dir, 'other'));
test.after.always(() => rm(dir, { recursive: true, force: true }));

/** A server whose tokens are workload ids, and what it needs to be reached. */
async function start(options: Partial<XdsServerOptions> = {}) {
  const views = new TestViews();
  const warnings: object[] = [];
  const log = { info() {}, warn: (fields: object) => void warnings.push(fields) };
  const delivery = createDelivery({ views, log });
  const server = await serveXds({
    listen: { host: '127.0.0.1', port: 0 },
    tls: serverCertificate(root),
    delivery,
    authenticate: async ({ authorization }) => {
      const [namespace, name] = (authorization ?? '').replace('Bearer ', '').split('/');
      if (namespace === 'down') throw new Error('no answer');
      return namespace && name ? { ok: true, workload: `${namespace}/${name}` } : { ok: false, message: 'no token' };
    },
    log,
    ...options,
  });
  const clients: Client[] = [];
  const connect = (trusted = root) => {
    const client = new Client(`127.0.0.1:${server.port}`, credentials.createSsl(Buffer.from(trusted.pem)), {
      'grpc.ssl_target_name_override': serverName,
      'grpc.use_local_subchannel_pool': 1,
    });
    clients.push(client);
    return client;
  };
  const close = async () => {
    for (const client of clients) client.close();
    delivery.close();
    await server.close();
  };
  return { server, delivery, views, warnings, connect, close };
}

test('a proxy gets its own snapshot by TLS, and no one else by its id', async (t) => {
  const { views, connect, warnings, close } = await start();
  views.set(id, [cluster('a')]);
  views.set('bakery/payments-0', [cluster('secret')]);
  const client = connect();
  const own = new AdsClient(client, 'delta', id);
  own.ask({ typeUrl: typeUrls.cluster });
  t.deepEqual((await own.next()).resources, ['a']);
  const thief = new AdsClient(client, 'delta', id, 'bakery/payments-0');
  thief.ask({ typeUrl: typeUrls.cluster });
  t.is(await thief.ended, status.PERMISSION_DENIED);
  t.is(warnings.length, 1);
  own.cancel();
  await close();
});

test('state of the world is served too', async (t) => {
  const { views, connect, close } = await start();
  views.set(id, [endpoints('a')]);
  const client = new AdsClient(connect(), 'sotw', id);
  client.ask({ typeUrl: typeUrls.endpoints, names: ['a'] });
  const { nonce, version, count } = await client.next();
  t.is(count, 1);
  client.ask({ typeUrl: typeUrls.endpoints, names: ['a'], nonce, version });
  views.set(id, [endpoints('a', 'b')]);
  t.is((await client.next()).count, 1);
  client.cancel();
  await close();
});

test('a caller without a good token is refused and logged; when that cannot be told it may try again', async (t) => {
  const { connect, warnings, close } = await start();
  const client = connect();
  t.is(await new AdsClient(client, 'delta', 'nobody').ended, status.UNAUTHENTICATED);
  t.like(warnings[0], { reason: 'no token' });
  t.is(await new AdsClient(client, 'delta', 'down/0').ended, status.UNAVAILABLE);
  await close();
});

test('other methods are served to callers who proved who they are', async (t) => {
  const path = '/test.Echo/Whoami';
  const { connect, close } = await start({
    methods: new Map([
      [path, (call, caller) => call.readOne(() => call.finish({ code: 0 }, call.frame(Buffer.from(caller))))],
    ]),
  });
  const client = connect();
  const whoami = (token: string) =>
    new Promise<string | number>((resolve) => {
      const metadata = new Metadata();
      metadata.set('authorization', `Bearer ${token}`);
      const done = (error: ServiceError | null, answer?: string) => resolve(error ? error.code : (answer ?? ''));
      client.makeUnaryRequest(path, (text: string) => Buffer.from(text), String, '', metadata, done);
    });
  t.is(await whoami(id), id);
  t.is(await whoami('nobody'), status.UNAUTHENTICATED);
  await close();
});

test('a newer stream of the same proxy ends the older', async (t) => {
  const { connect, delivery, views, close } = await start();
  views.set(id, [cluster('a')]);
  const first = new AdsClient(connect(), 'delta', id);
  first.ask({ typeUrl: typeUrls.cluster });
  await first.next();
  const second = new AdsClient(connect(), 'delta', id);
  second.ask({ typeUrl: typeUrls.cluster });
  t.is(await first.ended, status.ABORTED);
  await second.next();
  t.is(delivery.proxies().size, 1);
  second.cancel();
  await close();
});

test('a stream is closed at a random age between the bounds', async (t) => {
  const ages: number[] = [];
  let grow = (): void => t.fail();
  const { connect, close, delivery } = await start({
    random: () => 0.5,
    schedule: (delayMs, run) => {
      ages.push(delayMs);
      grow = run;
      return () => {};
    },
  });
  const client = new AdsClient(connect(), 'delta', id);
  await client.headers;
  t.deepEqual(ages, [45 * 60_000]);
  grow();
  t.is(await client.ended, status.OK);
  t.is(delivery.proxies().size, 0);
  await close();
});

test('a stream that the proxy drops is forgotten', async (t) => {
  const { connect, close, delivery, views } = await start();
  views.set(id, [cluster('a')]);
  const client = new AdsClient(connect(), 'delta', id);
  client.ask({ typeUrl: typeUrls.cluster });
  await client.next();
  client.cancel();
  while (delivery.proxies().size > 0) await new Promise((resolve) => setImmediate(resolve));
  t.is(await client.ended, status.CANCELLED);
  await close();
});

test('the certificate can be replaced; open streams go on', async (t) => {
  const { server, views, connect, close } = await start();
  views.set(id, [endpoints('a')]);
  const open = new AdsClient(connect(), 'delta', id);
  open.ask({ typeUrl: typeUrls.endpoints, subscribe: ['a'] });
  const { nonce } = await open.next();
  open.ask({ typeUrl: typeUrls.endpoints, nonce });
  server.setSecureContext(serverCertificate(otherRoot));
  t.is(await new AdsClient(connect(), 'delta', 'bakery/orders-1').ended, status.UNAVAILABLE);
  const other = new AdsClient(connect(otherRoot), 'delta', 'bakery/orders-2');
  await other.headers;
  views.set(id, [endpoints('a', 'b')]);
  t.deepEqual((await open.next()).resources, ['a']);
  open.cancel();
  other.cancel();
  await close();
});

test('a proxy that does not read gets the newest of everything in few messages once it does', async (t) => {
  const { views, connect, close } = await start();
  const names = Array.from({ length: 60 }, (_, index) => `c${index}`);
  const content = new Map(names.map((name) => [name, 'first']));
  const big = 'x'.repeat(50_000);
  const publish = () =>
    views.set(
      id,
      names.map((name) => resource(typeUrls.endpoints, name, `${content.get(name)} ${big}`)),
    );
  publish();
  const client = new AdsClient(connect(), 'delta', id);
  client.ask({ typeUrl: typeUrls.endpoints, subscribe: names });
  client.ask({ typeUrl: typeUrls.endpoints, nonce: (await client.next()).nonce });
  client.pause();
  for (const value of ['second', 'third', 'last']) {
    for (const name of names) {
      content.set(name, value);
      publish();
    }
  }
  client.resume();
  const held = new Map<string, string>();
  let messages = 0;
  while (held.size < names.length || [...held.values()].some((value) => value !== 'last')) {
    const { nonce, contents } = await client.next();
    messages++;
    for (const [name, body] of contents) held.set(name, body.slice(0, 30).split('=')[1]?.split(' ')[0] ?? '');
    client.ask({ typeUrl: typeUrls.endpoints, nonce });
  }
  t.true(messages < names.length * 3, `${messages} messages`);
  client.cancel();
  await close();
});
