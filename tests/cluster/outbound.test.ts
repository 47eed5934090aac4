import { randomBytes, randomUUID } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import { goodOrder, shopAt } from '../shop.ts';
import { waitFor } from '../wait-for.ts';
import { clusterTest, freshNamespace, type PodObject, podsOf } from './cluster.ts';
import { apply, get, kubectl } from './command.ts';
import { logged } from './control-plane-log.ts';
import { type Installation, installed } from './installation.ts';
import { type GrpcOutcome, grpcFrom, httpFrom, nodeIn, runPod, type TcpOutcome, tcpFrom } from './scratch-pod.ts';
import { counterOf } from './sidecar-metrics.ts';

// A pod's calls, by where they were meant to go: one test for each row of that table in docs/architecture.md.

const meshed = { 'weft.dev/inject': 'true' };
const permissionDenied = 7;

/** HTTP that says who calls, a server that speaks first, gRPC that takes everything, and TLS. */
const server = `
const { createServer } = require('node:http');
const echo = (request, response) => response.end(JSON.stringify({ path: request.url, caller: request.headers['x-forwarded-client-cert'] ?? 'nobody' }));
createServer(echo).listen(8080);
require('node:net').createServer((socket) => {
  socket.on('error', () => {}).on('data', (data) => socket.end('you said ' + data));
  socket.write('hello\\n');
}).listen(7000);
const grpc = require('node:http2').createServer();
grpc.on('stream', (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' })).on('error', () => {});
  stream.end(Buffer.alloc(5));
});
grpc.listen(9000);
// Without a certificate: by a key that both know.
const tls = { pskCallback: () => Buffer.alloc(32), ciphers: 'PSK', maxVersion: 'TLSv1.2' };
require('node:tls').createServer(tls, (socket) => { socket.on('error', () => {}); socket.end('hello by TLS'); }).on('tlsClientError', () => {}).listen(8443);
process.on('SIGTERM', () => process.exit(0));`;

function service(namespace: string, name: string, spec: object) {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name },
    spec: { selector: { app: 'server' }, ...spec },
  };
}

const httpPort = { name: 'http', port: 80, targetPort: 8080, appProtocol: 'http' };
const tcpPort = { port: 7000, appProtocol: 'tcp' };

/** A server in a namespace of its own, in the mesh or not, with its Services. */
async function startServer(t: ExecutionContext, prefix: string, labels = {}): Promise<PodObject> {
  const namespace = await freshNamespace(t, prefix, labels);
  await apply([
    service(namespace, 'web', { ports: [httpPort] }),
    service(namespace, 'greeter', { ports: [tcpPort] }),
    service(namespace, 'rpc', { ports: [{ port: 9000, appProtocol: 'grpc' }] }),
  ]);
  return runPod(t, { namespace, name: 'server', serviceAccount: 'server', script: server });
}

function startCaller(t: ExecutionContext, namespace: string): Promise<PodObject> {
  return runPod(t, { namespace, name: 'caller', serviceAccount: 'caller' });
}

async function shopPod({ shop }: Installation, name: string): Promise<PodObject> {
  const [pod] = await podsOf(shop, `app.kubernetes.io/name=${name}`);
  if (!pod) throw new Error(`no pod of ${name}`);
  return pod;
}

/** An answer by HTTP, once it is this one: configuration takes its time. */
function httpUntil(pod: PodObject, host: string, port: number, wanted: RegExp): Promise<string> {
  return waitFor(`${wanted} from ${host}:${port}`, async () => {
    const text = await httpFrom(pod, 'GET', host, port, '/');
    return wanted.test(text) ? text : Promise.reject(new Error(text));
  });
}

function tcpUntil(
  pod: PodObject,
  host: string,
  port: number,
  holds: (outcome: TcpOutcome) => boolean,
): Promise<TcpOutcome> {
  return waitFor(`${host}:${port}`, async () => {
    const outcome = await tcpFrom(pod, host, port);
    return holds(outcome) ? outcome : Promise.reject(new Error(JSON.stringify(outcome)));
  });
}

/** Connections that a proxy has passed on or closed, by the row of the table. */
function counted(pod: PodObject, row: string): Promise<number> {
  return counterOf(pod.status.podIP, 'envoy_tcp_downstream_cx_total', {
    envoy_tcp_prefix: row.replace(/[^a-zA-Z0-9]+/g, '_'),
  });
}

const answered = ({ text }: TcpOutcome) => text === 'hello\nyou said a word';
const closed = ({ text }: TcpOutcome) => text === '';

clusterTest("a port of the mesh's own is closed, wherever it is", async (t) => {
  await installed(t);
  const callee = await startServer(t, 'own-ports', meshed);
  const caller = await startCaller(t, callee.metadata.namespace);
  const before = await counted(caller, 'refused');
  const ports = [15_000, 15_001, 15_019, 15_020, 15_021, 15_030];
  for (const port of ports) {
    const outcome = await tcpFrom(caller, callee.status.podIP ?? '', port, {
      first: 'client',
      word: 'GET / HTTP/1.0\r\n\r\n',
    });
    t.is(outcome.text, '', `port ${port}: ${JSON.stringify(outcome)}`);
    t.not(outcome.error, 'timeout', `port ${port}`);
  }
  t.is((await counted(caller, 'refused')) - before, ports.length);
});

clusterTest('cloud metadata and credentials are called past the proxy', async (t) => {
  await installed(t);
  const namespace = await freshNamespace(t, 'metadata', meshed);
  const caller = await startCaller(t, namespace);
  const taken = () => counterOf(caller.status.podIP, 'envoy_tcp_downstream_cx_total', {});
  const before = await taken();
  // Nobody is asked anything: whoever answers there answers the node. What counts is that the proxy saw none of it.
  await connectFrom(caller, '169.254.169.254', 1000);
  await connectFrom(caller, '169.254.170.23', 1000);
  t.is(await taken(), before);
  // An address for documentation (RFC 5737), which nobody has: the proxy takes the call all the same.
  t.is(await connectFrom(caller, '192.0.2.1', 30_000), 'connected');
  t.is(await taken(), before + 1);
});

/** Connects, and says nothing. */
async function connectFrom(pod: PodObject, host: string, timeoutMs: number): Promise<string> {
  const script = `
const [host, timeout] = process.argv.slice(1);
const end = (word) => { console.log(word); process.exit(0); };
require('node:net').connect({ host, port: 80, timeout: Number(timeout) }).on('connect', () => end('connected')).on('error', (e) => end(e.code)).on('timeout', () => end('timeout'));`;
  return (await nodeIn(pod, script, host, String(timeoutMs))).trim();
}

clusterTest('a Service that it may call is called by mTLS: HTTP, and TCP where the server speaks first', async (t) => {
  await installed(t);
  const callee = await startServer(t, 'callee', meshed);
  const { namespace } = callee.metadata;
  const caller = await startCaller(t, namespace);
  const said = await httpUntil(caller, `web.${namespace}`, 80, /^200 /);
  t.regex(
    said,
    new RegExp(`URI=spiffe://[^;"]*/ns/${namespace}/sa/caller`),
    'the callee knows its caller by its certificate',
  );
  t.true(answered(await tcpUntil(caller, `greeter.${namespace}`, 7000, answered)));
  t.true((await counted(caller, `tcp|${namespace}/greeter|7000`)) > 0);
});

clusterTest('a Service that it may call is called by its methods', async (t) => {
  const installation = await installed(t);
  const { shop } = installation;
  const orders = await shopPod(installation, 'orders');
  const permitted = await grpcFrom(orders, `http://catalog.${shop}`, '/shop.catalog.v1.CatalogService/GetProduct');
  // 3: INVALID_ARGUMENT, the application's own word for an empty request.
  t.is(permitted.grpcStatus, 3, JSON.stringify(permitted));
  const forbidden = await grpcFrom(orders, `http://catalog.${shop}`, '/shop.catalog.v1.CatalogService/ImportProducts');
  t.is(forbidden.grpcStatus, permissionDenied, JSON.stringify(forbidden));
  t.regex(forbidden.message ?? '', /^weft: shop\.orders may not call .*ImportProducts; its contract names nobody$/);
});

clusterTest(
  'a Service that it may not call: gRPC is told so, and the log has the line that would permit it',
  async (t) => {
    const installation = await installed(t);
    const callee = await startServer(t, 'closed', meshed);
    const { namespace } = callee.metadata;
    // Only the first refusal of a kind is logged.
    const method = `acme.Echo/Say${randomBytes(3).toString('hex')}`;
    const policy = {
      apiVersion: 'weft.dev/v1',
      kind: 'MeshPolicy',
      metadata: { namespace, name: 'rpc' },
      spec: { service: 'rpc', methods: [{ path: `/${method}`, callers: ['shop.orders'] }] },
    };
    await apply([policy]);
    const call = async (from: string, holds: (outcome: GrpcOutcome) => boolean) => {
      const pod = await shopPod(installation, from);
      return waitFor(`the answer to ${from}`, async (): Promise<GrpcOutcome> => {
        const outcome = await grpcFrom(pod, `http://rpc.${namespace}:9000`, `/${method}`);
        return holds(outcome) ? outcome : Promise.reject(new Error(JSON.stringify(outcome)));
      });
    };
    await call('orders', ({ grpcStatus }) => grpcStatus === 0);
    const message = `weft: shop.catalog may not call ${method}; MeshPolicy ${namespace}/rpc names shop.orders`;
    const refused = await call('catalog', (outcome) => outcome.message === message);
    t.is(refused.grpcStatus, permissionDenied);
    const line = await logged(installation.system, 'the refusal', ({ msg }) => msg === message);
    t.is(line.caller, 'shop.catalog');
    t.is(line.advice, `addCallers: [shop.catalog] for ${method} in MeshPolicy ${namespace}/rpc`);
  },
);

clusterTest('a Service that it may not call: HTTP gets 403, TCP is closed, and the log has both', async (t) => {
  const installation = await installed(t);
  const callee = await startServer(t, 'closed', meshed);
  const { namespace } = callee.metadata;
  const catalog = await shopPod(installation, 'catalog');
  const refused = await httpUntil(catalog, `web.${namespace}`, 80, /^403 .*it takes/);
  const sentence = `weft: shop.catalog may not call ${namespace}/web; it takes the workloads of namespace ${namespace}`;
  t.is(refused, `403 ${sentence}`);
  const http = await logged(installation.system, 'the refused request', ({ msg }) => msg === sentence);
  t.is(http.advice, `callers: [shop.catalog] at path "/*" of a MeshPolicy for Service ${namespace}/web`);
  for (const first of ['client', 'server'] as const) {
    const outcome = await tcpFrom(catalog, `greeter.${namespace}`, 7000, { first });
    t.true(closed(outcome), JSON.stringify(outcome));
    t.not(outcome.error, 'timeout', `the ${first} speaks first`);
  }
  const start = `weft: shop.catalog may not connect to ${namespace}/greeter:7000`;
  const tcp = await logged(installation.system, 'the closed connection', ({ msg }) => msg.startsWith(start));
  t.is(tcp.caller, 'shop.catalog');
  t.is(tcp.advice, `callers: [shop.catalog] at path "/*" of a MeshPolicy for Service ${namespace}/greeter`);
});

clusterTest('a pod of a headless Service is called by mTLS, at its own address', async (t) => {
  await installed(t);
  const namespace = await freshNamespace(t, 'headless', meshed);
  await apply([
    service(namespace, 'members', {
      clusterIP: 'None',
      ports: [
        { name: 'http', port: 8080, appProtocol: 'http' },
        { name: 'tcp', ...tcpPort },
      ],
    }),
  ]);
  const member = await runPod(t, { namespace, name: 'server', serviceAccount: 'server', script: server });
  const caller = await startCaller(t, namespace);
  const address = member.status.podIP ?? '';
  const said = await httpUntil(caller, address, 8080, /"caller":"[^"]*URI=spiffe/);
  t.regex(said, new RegExp(`/ns/${namespace}/sa/caller`));
  t.true(answered(await tcpUntil(caller, address, 7000, answered)));
  t.true((await counted(caller, `tcp|${namespace}/members|7000`)) > 0);
});

const external = (namespace: string, name: string, spec: object) => ({
  apiVersion: 'weft.dev/v1',
  kind: 'ExternalService',
  metadata: { namespace, name },
  spec,
});

clusterTest('a declared ExternalService is passed on and counted under its name, server-first or by TLS', async (t) => {
  await installed(t);
  const outside = await startServer(t, 'outside');
  const address = outside.status.podIP ?? '';
  const namespace = await freshNamespace(t, 'declares', meshed);
  await apply([
    external(namespace, 'mail', { host: 'mail.example.com', port: 7000, serverFirst: true, addresses: [address] }),
    external(namespace, 'api', { host: 'api.example.com', port: 8443, tls: true }),
    external(namespace, 'web', { host: 'web.example.com', port: 8080 }),
  ]);
  const caller = await startCaller(t, namespace);
  const under = (name: string) => counted(caller, `external|${namespace}/${name}`);
  const hello = async (host: string) => (await nodeIn(caller, tlsScript, address, host)).trim();
  const calls: Record<string, () => Promise<boolean>> = {
    mail: async () => answered(await tcpFrom(caller, address, 7000)),
    api: async () => (await hello('api.example.com')) === 'hello by TLS',
    web: async () => /^200 .*nobody/.test(await httpFrom(caller, 'GET', address, 8080, '/')),
  };
  for (const [name, call] of Object.entries(calls)) {
    await waitFor(`a call that is counted under ${name}`, async () => {
      t.true(await call(), name);
      return (await under(name)) > 0;
    });
  }
  // Another host at the same port is not the declared one.
  const before = await under('api');
  t.is(await hello('other.example.com'), 'hello by TLS');
  t.is(await under('api'), before);
});

const tlsScript = `
const [host, servername] = process.argv.slice(1);
const socket = require('node:tls').connect({ host, port: 8443, servername, ciphers: 'PSK', maxVersion: 'TLSv1.2', checkServerIdentity: () => undefined, pskCallback: () => ({ identity: 'test', psk: Buffer.alloc(32) }) });
let text = '';
socket.setEncoding('utf8').on('data', (data) => { text += data; }).on('error', (e) => { text += e.code; }).on('close', () => { console.log(text); process.exit(0); });
setTimeout(() => { console.log('timeout'); process.exit(0); }, 4000);`;

const undeclared = (pod: PodObject, destination: string) =>
  counterOf(pod.status.podIP, 'envoy_weft_undeclared_connections', { destination });

clusterTest('everything else is passed on, and counted by where it went', async (t) => {
  await installed(t);
  const outside = await startServer(t, 'outside');
  const namespace = await freshNamespace(t, 'calls-out', meshed);
  const caller = await startCaller(t, namespace);
  const address = outside.status.podIP ?? '';
  for (const turn of [1, 2]) {
    t.true(answered(await tcpFrom(caller, address, 7000)));
    await waitFor('its count', async () => (await undeclared(caller, `${address}:7000`)) === turn);
  }
  t.regex(await httpFrom(caller, 'GET', address, 8080, '/'), /^200 .*nobody/);
  await waitFor('its count', async () => (await undeclared(caller, `${address}:8080`)) === 1);
});

clusterTest('under "outbound: deny" everything else is closed and counted, and what is declared is not', async (t) => {
  const { edge } = await installed(t);
  const outside = await startServer(t, 'outside');
  const address = outside.status.podIP ?? '';
  const callee = await startServer(t, 'denies', meshed);
  const { namespace } = callee.metadata;
  await apply([external(namespace, 'web', { host: 'web.example.com', port: 8080, addresses: [address] })]);
  const caller = await startCaller(t, namespace);
  t.true(answered(await tcpFrom(caller, address, 7000)));
  const { spec } = await get<{ spec: { outbound?: string } }>('meshconfig', 'mesh');
  await setOutbound('deny');
  try {
    await tcpUntil(caller, address, 7000, closed);
    t.true((await counted(caller, 'denied')) > 0);
    await waitFor('its count', async () => (await undeclared(caller, `${address}:7000`)) > 1);
    t.regex(await httpFrom(caller, 'GET', address, 8080, '/'), /^200 /, 'the declared one');
    t.regex(await httpFrom(caller, 'GET', `web.${namespace}`, 80, '/'), /^200 /, 'one of the mesh');
    t.true(answered(await tcpFrom(caller, `greeter.${namespace}`, 7000)));
  } finally {
    await setOutbound(spec.outbound ?? null);
    await tcpUntil(caller, address, 7000, answered);
    // The shop's database is undeclared, too.
    await waitFor('an order', async () => (await shopAt(edge).orders.placeOrder(goodOrder())).order?.orderId, {
      timeoutMs: 120_000,
    });
  }
});

/** As the chart's own manager of fields, so that the next `helm upgrade` finds no other. */
function setOutbound(outbound: string | null): Promise<string> {
  const patch = JSON.stringify({ spec: { outbound } });
  return kubectl('patch', 'meshconfig', 'mesh', '--type=merge', '--field-manager=helm', '-p', patch);
}

clusterTest('PostgreSQL works through the mesh, and for nobody who may not call it', async (t) => {
  const { shop, system } = await installed(t);
  const namespace = await freshNamespace(t, 'postgres', meshed);
  await apply([
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name: 'db' },
      spec: { selector: { app: 'db' }, ports: [{ port: 5432, appProtocol: 'tcp' }] },
    },
  ]);
  const image = 'postgres:18';
  const asPostgres = { allowPrivilegeEscalation: false, runAsNonRoot: true, runAsUser: 999, runAsGroup: 999 };
  const password = randomUUID();
  const ready = { exec: { command: ['pg_isready', '-q', '-h', '127.0.0.1'] }, periodSeconds: 1, failureThreshold: 90 };
  await runPod(t, {
    namespace,
    name: 'db',
    serviceAccount: 'db',
    container: {
      image,
      command: ['docker-entrypoint.sh', 'postgres'],
      env: [{ name: 'POSTGRES_PASSWORD', value: password }],
      startupProbe: ready,
      readinessProbe: ready,
      securityContext: asPostgres,
      volumeMounts: [{ name: 'data', mountPath: '/var/lib/postgresql' }],
      resources: { requests: { cpu: '50m', memory: '128Mi' } },
    },
    spec: { volumes: [{ name: 'data', emptyDir: {} }], securityContext: { fsGroup: 999 } },
  });
  const container = { image, command: ['sleep', '1000000'], securityContext: asPostgres };
  const client = await runPod(t, { namespace, name: 'client', serviceAccount: 'client', container });
  const psql = (...statements: string[]) => {
    const url = `postgresql://postgres:${password}@db.${namespace}/postgres?connect_timeout=5`;
    const commands = statements.flatMap((statement) => ['-c', statement]);
    return kubectl('exec', '-n', namespace, client.metadata.name, '--', 'psql', url, '-qtAX', ...commands);
  };
  await waitFor('the database', () => psql('create table if not exists words (word text)').then(() => true));
  t.is(await psql("insert into words values ('one'), ('two')", 'select count(*) from words'), '2\n');
  t.true((await counted(client, `tcp|${namespace}/db|5432`)) > 0);

  const [catalog] = await podsOf(shop, 'app.kubernetes.io/name=catalog');
  if (!catalog) return t.fail('no pod of catalog');
  const refused = await tcpFrom(catalog, `db.${namespace}`, 5432, { first: 'client' });
  t.true(closed(refused), JSON.stringify(refused));
  t.not(refused.error, 'timeout');
  const start = `weft: shop.catalog may not connect to ${namespace}/db:5432`;
  t.truthy(await logged(system, 'the closed connection', ({ msg }) => msg.startsWith(start)));
});
