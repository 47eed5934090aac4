import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { posix } from 'node:path';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import type { SpiffeId } from '@weft/compiler/model/mesh';
import { descriptorSet, MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import anyTest, { type TestFn } from 'ava';
import fc from 'fast-check';
import { freePorts } from './testing/free-ports.ts';
import { RawCaller } from './testing/raw-call.ts';
import { until } from './testing/running-control-plane.ts';
import { type RunningMesh, runMesh } from './testing/running-mesh.ts';
import { testCertificate } from './testing/test-certificate.ts';

// A service without a contract: what is below /v1 is open to orders, but for the part below /v1/admin and two paths. Whatever reaches
// the application, no server may take it for a closed path.

interface Context {
  readonly ends: readonly (() => unknown)[];
  readonly mesh: RunningMesh;
  /** Targets that the application saw. */
  readonly seen: string[];
  /** Straight to the sidecar of the service, with the certificate of orders: nothing has touched the path before. */
  readonly straight: RawCaller;
  /** Through the sidecar of orders, which speaks HTTP/1.1 too. */
  readonly outbound: number;
}

const test = anyTest as TestFn<Context>;
const orders: SpiffeId = 'spiffe://weft.local/ns/bakery/sa/orders';
const plain = { 'content-type': 'text/plain' };
const closed = ['/v1/admin', '/v1/secret', '/v1/users:purge'];

test.before(async (t) => {
  const mesh = await runMesh();
  const ends: (() => unknown)[] = [() => mesh.stop()];
  Object.assign(t.context, { ends });
  const [ordersIn, outbound, legacyIn, application] = await freePorts(4);
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(request.url ?? '');
    response.end('legacy');
  }).listen(application, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const set = descriptorSet('bakery.orders');
  const directory = new MeshDirectory()
    .contract('bakery', 'orders', set)
    .service('orders')
    .replica('orders-0', {
      contract: contractHash(set),
      inbound: `127.0.0.1:${ordersIn}`,
      application: `unix:${mesh.dir}/orders`,
      outbound: `127.0.0.1:${outbound}`,
    })
    .put('bakery/legacy.yaml', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'bakery', name: 'legacy' },
      spec: { selector: { app: 'legacy' }, ports: [{ port: 80, appProtocol: 'http' }] },
    })
    .replica('legacy-0', { inbound: `127.0.0.1:${legacyIn}`, application: `127.0.0.1:${application}` })
    .put('policy.yaml', {
      kind: 'MeshPolicy',
      metadata: { namespace: 'bakery', name: 'legacy' },
      spec: {
        service: 'legacy',
        methods: [
          { path: '/v1/*', callers: ['bakery.orders'] },
          { path: '/v1/admin/*', callers: [] },
          { path: '/v1/secret', callers: [] },
          { path: '/v1/users:purge', callers: [] },
          { path: '/bakery.legacy.v1.LegacyService/Get', callers: ['bakery.orders'] },
        ],
      },
    });
  await mesh.update(directory, Date.now());
  t.deepEqual(mesh.compiler.mesh.problems, []);
  for (const id of ['bakery/orders-0', 'bakery/legacy-0'] as const) await mesh.startProxy(id);
  t.deepEqual(mesh.nacks, []);
  const straight = new RawCaller(`127.0.0.1:${legacyIn}`, testCertificate(mesh.root, [orders]));
  ends.push(() => straight.close());
  Object.assign(t.context, { mesh, seen, straight, outbound });
});

test.after.always(async (t) => {
  for (const end of t.context.ends) await end();
});

test.beforeEach((t) => {
  t.context.seen.length = 0;
});

const get = (caller: RawCaller, path: string) => caller.call({ authority: 'legacy', path, headers: plain, body: '' });

/** The status of a request whose line is exactly this. */
async function raw(port: number, target: string): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.on('error', () => {});
  socket.write(`GET ${target} HTTP/1.1\r\nhost: legacy\r\nconnection: close\r\n\r\n`, 'latin1');
  await once(socket, 'close');
  return Number(text.slice(9, 12));
}

/** What servers make of a request target: Node's URL, Express, decoding file servers, and those that strip path parameters. */
function readings(target: string): Set<string> {
  const paths = new Set([target.split(/[?#]/)[0] ?? '', target]);
  const add = (make: (path: string) => string) => {
    for (const path of [...paths]) {
      try {
        paths.add(make(path));
      } catch {
        // This server refuses it.
      }
    }
  };
  for (let round = 0; round < 3; round++) {
    add((path) => new URL(path, 'http://legacy').pathname);
    add((path) => decodeURIComponent(path));
    add((path) => unescape(path));
    add((path) => path.replaceAll('\\', '/'));
    add((path) => path.replace(/;[^/]*/g, ''));
    add((path) => path.split(/[?#\0]/)[0] ?? '');
    add((path) => posix.normalize(path));
    add((path) => path.replace(/[. ]+(?=\/|$)/g, ''));
  }
  return new Set([...paths].map((path) => posix.normalize(path).toLowerCase().replace(/\/$/, '')));
}

function isClosed(target: string): boolean {
  return [...readings(target)].some((path) => closed.includes(path) || path.startsWith('/v1/admin/'));
}

const spellings = [
  '/v1//admin',
  '/v1/./admin',
  '/v1/%61dmin',
  '/v1/%2561dmin',
  '//v1/admin',
  '/v1/x/../admin/keys',
  '/v1/x/%2e%2e/admin',
  '/v1/x/..%2fadmin',
  '/v1/x%2f..%2fadmin',
  '/v1%2fadmin',
  '/v1%5cadmin',
  '/v1\\admin',
  '/v1/.\\admin',
  '/v1/admin;a=b',
  '/v1/;/admin',
  '/v1/x;/..;/admin',
  '/v1/%3badmin/..;/admin',
  '/v1/admin%00',
  '/v1/admin%00.png',
  '/v1/ADMIN',
  '/v1/Admin/',
  '/V1/admin',
  '/v1/admin.',
  '/v1/admin%20',
  '/v1/admin%2e',
  '/v1/admin%3fx=1',
  '/v1/admin%23x',
  '/v1/admin?x=/../y',
  '/v1/admin/',
  '/v1/admin/?',
  '/v1/%c0%ae%c0%ae/v1/admin',
  '/v1/x/%c0%af../admin%c0%af',
  '/v1/%e0%80%afadmin',
  '/v1/%u0061dmin',
  '/v1/%zzadmin/../admin',
  '/v1/admin%',
  '/v1/admin%2',
  '/v1/secret/',
  '/v1/secre%74',
  '/v1/secret%2f',
  '/v1/users%3apurge',
  '/v1/users%3Apurge/',
  '/v1/..%252fv1/admin',
  '/v1/\u00e9/../admin',
  'http://legacy/v1/admin',
  'http://legacy//v1/admin',
  '/http://legacy/v1/../../../v1/admin',
  '*',
  'v1/admin',
  '',
];

test.serial('HTTP/2: no spelling of a closed path is let through, and the connection lives on', async (t) => {
  const { straight, seen } = t.context;
  for (const spelling of spellings) {
    const { status } = await get(straight, spelling);
    t.true(status === 400 || status === 403 || status === 404 || status === 0, `${spelling}: ${status}`);
  }
  t.deepEqual(seen, []);
  t.is((await get(straight, '/v1/users')).status, 200);
});

test.serial('HTTP/1.1 by way of the caller: no spelling is let through', async (t) => {
  const { outbound, seen } = t.context;
  await until(async () => (await raw(outbound, '/v1/users')) === 200);
  seen.length = 0;
  const statuses = await Promise.all(spellings.map((spelling) => raw(outbound, spelling)));
  for (const [index, status] of statuses.entries()) t.true(status >= 400, `${spellings[index]}: ${status}`);
  t.deepEqual(seen, []);
});

test.serial('the application is called by what was judged', async (t) => {
  const { straight, seen } = t.context;
  const called = [
    ['/v1//users/./7', '/v1/users/7'],
    ['/v1/%75sers/a%7Eb', '/v1/users/a~b'],
    ['/v1/x/../users?next=/v1/../admin//', '/v1/users?next=/v1/../admin//'],
    ['/v1/files/J%C3%BCrgen%20Z.pdf', '/v1/files/J%C3%BCrgen%20Z.pdf'],
    ['/v1/users/ada%40example.com', '/v1/users/ada%40example.com'],
    ['/v1', '/v1'],
    ['/v1/adminx', '/v1/adminx'],
    ['/v1/admin.txt', '/v1/admin.txt'],
    ['/v1/secret/x', '/v1/secret/x'],
    ['/bakery.legacy.v1.LegacyService/Get', '/bakery.legacy.v1.LegacyService/Get'],
  ] as const;
  for (const [asked] of called) t.is((await get(straight, asked)).status, 200, asked);
  t.deepEqual(
    seen,
    called.map(([, got]) => got),
  );
});

test.serial('the refusal names what is wrong', async (t) => {
  const { straight } = t.context;
  const { status, body } = await get(straight, '/v1/a%2fb');
  t.is(status, 400);
  t.regex(String(body), /^weft: servers read this path in different ways/);
});

/** A closed path with each character as somebody may spell it, and things between that somebody may ignore. */
const hex = (character: string) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
const spelled = (character: string) =>
  character === '/'
    ? fc.constantFrom(
        '/',
        '/',
        '/',
        '//',
        '/./',
        '\\',
        '%2f',
        '%5C',
        '%252f',
        '/x/../',
        '/%2e/',
        '/;a/',
        '/.%2F',
        '%c0%af',
      )
    : fc.constantFrom(
        character,
        character,
        character,
        character.toUpperCase(),
        hex(character),
        hex(character).toUpperCase(),
        hex(character.toUpperCase()),
        hex(hex(character)[0] ?? '') + hex(character).slice(1),
      );
const arbitrarySpelling = fc
  .record({
    before: fc.constantFrom('', '', '', '/v1/..', '/v1/x%2f..%2f..', '/.', '/v1/%2e%2e', '/;', 'http://legacy'),
    path: fc
      .constantFrom('/v1/admin', '/v1/admin/keys', '/v1/secret', '/v1/users:purge')
      .chain((path) => fc.tuple(...[...path].map(spelled))),
    after: fc.constantFrom(
      '',
      '',
      '',
      '/',
      '.',
      '%20',
      '%00',
      ';x',
      '%3bx',
      '?x',
      '%3fx',
      '#x',
      '%23',
      '/.',
      '/x/..',
      '%',
      '\\',
    ),
  })
  .map(({ before, path, after }) => `${before}${path.join('')}${after}`);

test.serial('property: nothing that a server may take for a closed path reaches the application', async (t) => {
  t.timeout(60_000);
  const { straight, seen, outbound } = t.context;
  // How many of the spellings are some server's closed path; the rest must not break anything.
  const samples = fc.sample(arbitrarySpelling, { numRuns: 1500, seed: 9 });
  t.true(samples.filter(isClosed).length > 1000);
  for (let at = 0; at < samples.length; at += 100) {
    await Promise.all(samples.slice(at, at + 100).map((path) => get(straight, path)));
  }
  await Promise.all(samples.slice(0, 200).map((path) => raw(outbound, path)));
  t.deepEqual(seen.filter(isClosed), []);
  t.is((await get(straight, '/v1/users')).status, 200);
});
