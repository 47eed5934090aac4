import { connect } from 'node:http2';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { outboundName } from '@weft/compiler/envoy/names';
import { typeUrls } from '@weft/compiler/envoy/resource';
import { tinyContract, tinyPath } from '@weft/compiler/testing/tiny-contract';
import { CheckRequestSchema, CheckResponseSchema } from '@weft/envoy-api/envoy/service/auth/v3/external_auth';
import test, { type ExecutionContext } from 'ava';
import { FakeApiServer } from '../kubernetes/fake-api-server.fixture.ts';
import { freePorts } from '../on-envoy/testing/free-ports.ts';
import { checkPath } from '../refusals/refusals.ts';
import { Replica, until } from '../replica-process.fixture.ts';
import { objects, paths } from '../sources/kubernetes/cluster.fixture.ts';
import { AdsClient } from '../xds/testing/ads-client.ts';
import { firstCallPath } from './first-call.ts';

const caller = 'bakery/cart-0';
const path = tinyPath('bakery.den', 'Get');

/** cart and den, whose contract names cart, and the token of cart's pod. */
async function cluster(t: ExecutionContext): Promise<{ fake: FakeApiServer; token: string }> {
  const fake = await FakeApiServer.start(t);
  fake.put(paths.namespaces, objects.namespace('bakery'));
  fake.put(paths.meshConfigs, objects.meshConfig());
  const contracts = {
    cart: tinyContract('bakery.cart', { Call: {} }),
    den: tinyContract('bakery.den', { Get: {} }, { callers: ['bakery.cart'] }),
  };
  let uid: unknown;
  for (const [index, [name, bytes]] of Object.entries(contracts).entries()) {
    fake.put(paths.services, objects.service(name));
    fake.put(paths.contracts, objects.contract(bytes, '1/1', name));
    const labels = { app: name, 'weft.dev/injected': 'redirect', 'weft.dev/contract': contractHash(bytes) };
    const metadata = { namespace: 'bakery', name: `${name}-0`, labels };
    const pod = fake.put(paths.pods, objects.pod(`${name}-0`, { app: name, ip: `10.1.0.${index + 1}`, metadata }));
    if (name === 'cart') uid = pod.metadata.uid;
    fake.put(paths.slices, objects.slice(`${name}-abc`, [{ name: `${name}-0`, ready: true }]));
  }
  fake.onPost('/apis/authentication.k8s.io/v1/tokenreviews', () => {
    const extra = {
      'authentication.kubernetes.io/pod-name': ['cart-0'],
      'authentication.kubernetes.io/pod-uid': [uid],
    };
    const user = { username: 'system:serviceaccount:bakery:cart', extra };
    return { status: 201, body: { status: { authenticated: true, audiences: ['weft'], user } } };
  });
  const claims = { aud: ['weft'], exp: Date.now() / 1000 + 3600 };
  return { fake, token: `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature` };
}

/** A connection of cart's sidecar to one replica. */
function sidecar(t: ExecutionContext, root: Buffer, port: number): grpc.Client {
  const options = { 'grpc.ssl_target_name_override': 'weft-control-plane' };
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createSsl(root), options);
  t.teardown(() => client.close());
  return client;
}

/** What a replica answers about a call to den: "ok", or the sentence. */
function check(client: grpc.Client, token: string): Promise<string> {
  const request = create(CheckRequestSchema, { attributes: { request: { http: { path, host: 'bakery.den' } } } });
  const metadata = new grpc.Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      checkPath,
      () => Buffer.from(toBinary(CheckRequestSchema, request)),
      (bytes) => fromBinary(CheckResponseSchema, bytes),
      null,
      metadata,
      (error, value) => {
        if (error || value === undefined) return reject(error ?? new Error('no answer'));
        const { case: which } = value.httpResponse;
        resolve(which === 'deniedResponse' ? value.httpResponse.value.body : 'ok');
      },
    );
  });
}

/** Takes what a replica sends, as a sidecar does: each response is acknowledged. Returns the hosts of the newest routes. */
function takes(client: grpc.Client, token: string): { readonly routes: () => string } {
  const ads = new AdsClient(client, 'delta', token, caller);
  let routes = '';
  ads.ask({ typeUrl: typeUrls.cluster, subscribe: ['*'] });
  ads.ask({ typeUrl: typeUrls.route, subscribe: [outboundName] });
  void (async () => {
    for (;;) {
      const { typeUrl, nonce, contents } = await ads.next();
      routes = contents.get(outboundName) ?? routes;
      ads.ask({ typeUrl, nonce });
    }
  })();
  return { routes: () => routes };
}

test('a first call asks one replica while the sidecar takes its routes from another', async (t) => {
  t.timeout(120_000);
  const { fake, token } = await cluster(t);
  const ports = await freePorts(3);
  const start = (name: string, index: number) => Replica.start(t, fake, name, ports[index] ?? 0);
  const [one, two] = await Promise.all([start('one', 0), start('two', 1)]);
  const map = () => Object(fake.get('/api/v1/configmaps', 'bakery', 'weft-root')?.data);
  await until(
    () => typeof map()['root.pem'] === 'string',
    () => 'the roots are published',
  );
  const root = Buffer.from(map()['root.pem']);
  const atTwo = sidecar(t, root, ports[1] ?? 0);

  t.is(
    await check(atTwo, token),
    `weft: bakery.cart may call ${path.slice(1)}, but its proxy does not know it yet; try again`,
  );
  const here = takes(sidecar(t, root, ports[0] ?? 0), token);
  await until(
    () => here.routes() !== '',
    () => one.lines.join('\n'),
  );
  t.false(here.routes().includes('bakery/den'));
  t.is(await check(atTwo, token), 'ok', two.lines.join('\n'));
  t.true(here.routes().includes('bakery/den'));
  t.is(await check(atTwo, token), 'ok');

  // A replica that has just started knows where the others are.
  await start('three', 2);
  t.is(await check(sidecar(t, root, ports[2] ?? 0), token), 'ok');
  // And where one has gone, another answers.
  t.is(await two.stop(), 0);
  t.is(await check(sidecar(t, root, ports[2] ?? 0), token), 'ok');

  const ask = (authorization: string) => askAsReplica(t, root, ports[0] ?? 0, authorization);
  t.is(await ask(`Bearer ${token}`), 403, 'a workload is no replica');
  t.is(await ask(`Weft-Replica ${Date.now()}.${'A'.repeat(43)}`), 401);
  t.is(await ask('Weft-Replica'), 401);
});

/** The HTTP status of a question that only another replica may ask. */
function askAsReplica(t: ExecutionContext, ca: Buffer, port: number, authorization: string): Promise<number> {
  const session = connect(`https://127.0.0.1:${port}`, { ca, servername: 'weft-control-plane' });
  t.teardown(() => session.destroy());
  const headers = { ':method': 'POST', ':path': firstCallPath, 'content-type': 'application/json', authorization };
  return new Promise((resolve, reject) => {
    const stream = session.request(headers);
    stream.on('response', ({ ':status': status = 0 }) => resolve(status));
    stream.on('error', reject);
    stream.resume();
    stream.end(JSON.stringify({ workload: caller, services: ['bakery/den'], wait: false }));
  });
}
