import { randomBytes, randomInt } from 'node:crypto';
import { waitFor } from '../wait-for.ts';

import { clusterTest, freshNamespace, isReady, type PodObject, podsOf } from './cluster.ts';
import { kubectl } from './command.ts';
import { controlPlaneLog } from './control-plane-log.ts';
import { installed } from './installation.ts';
import {
  type GrpcOutcome,
  grpcFrom,
  grpcSweepFrom,
  httpFrom,
  makeServiceAccounts,
  nodeIn,
  type PlainRequest,
  runPod,
  sweepFrom,
} from './scratch-pod.ts';
import { certificateFor } from './workload-certificate.ts';

const authorize = '/shop.payments.v1.PaymentService/Authorize';

/** What gRPC calls PERMISSION_DENIED. */
const permissionDenied = 7;

clusterTest('a pod of a service that the contract does not name gets PERMISSION_DENIED, and why', async (t) => {
  const { shop } = await installed(t);
  const namespace = await freshNamespace(t, 'stranger', { 'weft.dev/inject': 'true' });
  const pod = await runPod(t, { namespace, name: 'stranger', serviceAccount: 'stranger' });
  const answer = await waitFor('the refusal', async () => {
    const outcome = await grpcFrom(pod, `http://payments.${shop}`, authorize);
    return outcome.grpcStatus === permissionDenied ? outcome : Promise.reject(new Error(JSON.stringify(outcome)));
  });
  t.regex(
    answer.message ?? '',
    /^weft: .* may not call shop\.payments\.v1\.PaymentService\/Authorize; its contract names shop\.orders$/,
  );
});

clusterTest('catalog itself may not call payments', async (t) => {
  const { shop } = await installed(t);
  const [catalog] = await podsOf(shop, 'app.kubernetes.io/name=catalog');
  if (!catalog) return t.fail('no pod of catalog');
  const script = applicationScript(`process.env.WEFT_OUTBOUND ?? 'payments.${shop}'`);
  const said = await kubectl('exec', '-n', shop, catalog.metadata.name, '-c', 'catalog', '--', 'node', '-e', script);
  const outcome: GrpcOutcome = JSON.parse(said);
  t.is(outcome.grpcStatus, permissionDenied, said);
  t.is(
    outcome.message,
    'weft: shop.catalog may not call shop.payments.v1.PaymentService/Authorize; its contract names shop.orders',
  );
});

/** Calls payments by its logical name; `host` is an expression. */
function applicationScript(host: string): string {
  return `
const session = require('node:http2').connect('http://' + (${host}));
const stream = session.request({ ':method': 'POST', ':path': '${authorize}', ':authority': 'shop.payments', 'content-type': 'application/grpc', te: 'trailers' });
const outcome = {};
const take = (headers) => { if (headers['grpc-status'] !== undefined) { outcome.grpcStatus = Number(headers['grpc-status']); outcome.message = decodeURIComponent(headers['grpc-message'] ?? ''); } };
stream.on('response', take).on('trailers', take).on('close', () => { console.log(JSON.stringify(outcome)); process.exit(0); });
stream.on('error', (error) => { outcome.error = error.code; });
session.on('error', (error) => { console.log(JSON.stringify({ error: error.code })); process.exit(0); });
stream.resume(); stream.end(Buffer.alloc(5));`;
}

/** Every port that anything in a pod of the shop listens on, by its own table of sockets. */
async function openPorts(pod: PodObject, container: string): Promise<number[]> {
  const script = `
const { readFileSync } = require('node:fs');
const ports = new Set();
for (const table of ['tcp', 'tcp6']) {
  let text = ''; try { text = readFileSync('/proc/net/' + table, 'utf8'); } catch {}
  for (const line of text.split('\\n').slice(1)) {
    const [, local, , state] = line.trim().split(/\\s+/);
    // 0A: it listens.
    if (state === '0A') ports.add(parseInt(local.split(':').at(-1), 16));
  }
}
console.log(JSON.stringify([...ports]));`;
  const said = await kubectl(
    'exec',
    '-n',
    pod.metadata.namespace,
    pod.metadata.name,
    '-c',
    container,
    '--',
    'node',
    '-e',
    script,
  );
  return JSON.parse(said);
}

clusterTest('plain text from outside the mesh is refused at every port of payments', async (t) => {
  const { shop } = await installed(t);
  const namespace = await freshNamespace(t, 'outside');
  const outsider = await runPod(t, { namespace, name: 'outsider' });
  const [payments] = await podsOf(shop, 'app.kubernetes.io/name=payments');
  if (!payments?.status.podIP) return t.fail('no pod of payments');
  t.log(await openPorts(payments, 'payments'));
  const ports = new Set([...(await openPorts(payments, 'payments')), 80, 8080]);
  t.true(ports.has(15_000), [...ports].join());
  const calls = [...ports].map((port) => ({ url: `http://${payments.status.podIP}:${port}`, path: authorize }));
  const outcomes = await grpcSweepFrom(outsider, calls);
  for (const [index, port] of [...ports].entries()) {
    const outcome = outcomes[index] ?? {};
    // The application would say INVALID_ARGUMENT to an empty request; 12 (UNIMPLEMENTED) is the probes' listener.
    const said = outcome.grpcStatus;
    const refused = outcome.error !== undefined || said === undefined || said === permissionDenied || said === 12;
    t.true(refused, `port ${port}: ${JSON.stringify(outcome)}`);
  }
  const byService = await grpcFrom(outsider, `http://payments.${shop}`, authorize);
  t.true(byService.error !== undefined || byService.grpcStatus === permissionDenied, JSON.stringify(byService));
});

/** What nobody outside of a pod may ask for, by HTTP/1.1. */
const attempts: readonly Omit<PlainRequest, 'port'>[] = [
  { method: 'POST', path: '/quitquitquit' },
  { method: 'GET', path: '/quitquitquit' },
  { method: 'GET', path: '/config_dump' },
  { method: 'GET', path: '/config_dump?include_eds' },
  { method: 'GET', path: '/clusters' },
  { method: 'GET', path: '/certs' },
  { method: 'GET', path: '/logging' },
  { method: 'POST', path: '/logging?level=trace' },
  { method: 'POST', path: '/ready' },
  { method: 'PUT', path: '/ready' },
  { method: 'POST', path: '/stats/prometheus' },
  { method: 'POST', path: '/reset_counters' },
  { method: 'POST', path: '/drain_listeners' },
  { method: 'POST', path: '/drain_listeners?inboundonly&graceful&skip_exit' },
  { method: 'GET', path: '/drain' },
  { method: 'GET', path: '/drain', headers: { 'x-weft-drain': 'a guess' } },
  { method: 'GET', path: '/stats' },
  { method: 'GET', path: '/ready/../config_dump' },
  { method: 'GET', path: '/ready%2f..%2fconfig_dump' },
  { method: 'GET', path: '/stats/prometheus/../../config_dump' },
  { method: 'GET', path: '//config_dump' },
  { method: 'GET', path: '/' },
];

/** The same by HTTP/2, as gRPC. */
const grpcAttempts = ['/quitquitquit', '/config_dump', '/drain', '/ready', '/grpc.health.v1.Health/Watch', authorize];

clusterTest(
  'no plain port of a sidecar, the edge or the control plane answers what is not for everybody',
  async (t) => {
    const { shop, system } = await installed(t);
    const namespace = await freshNamespace(t, 'outside');
    const outsider = await runPod(t, { namespace, name: 'outsider' });
    // All ports for probes there are.
    const probe = { periodSeconds: 1, failureThreshold: 30 };
    const probed = await runPod(t, {
      namespace: await freshNamespace(t, 'probed', { 'weft.dev/inject': 'true' }),
      name: 'probed',
      serviceAccount: 'probed',
      script: probedScript,
      container: {
        startupProbe: { httpGet: { path: '/healthz', port: 8080 }, ...probe },
        readinessProbe: { grpc: { port: 9000 }, ...probe },
        livenessProbe: { tcpSocket: { port: 7000 }, ...probe },
      },
    });
    const [payments] = await podsOf(shop, 'app.kubernetes.io/name=payments');
    const [edge] = await podsOf(system, 'app.kubernetes.io/component=edge');
    const [controlPlane] = await podsOf(system, 'app.kubernetes.io/component=control-plane');
    if (!payments || !edge || !controlPlane) return t.fail('a pod is missing');
    const looked: [pod: PodObject, container: string, known: number[]][] = [
      [payments, 'payments', [9901, 15_000, 15_020]],
      [probed, 'app', [9901, 15_020, 15_021]],
      [edge, 'drain', [9901, 8080]],
      [controlPlane, 'control-plane', [15_012, 15_014]],
    ];
    for (const [pod, container, known] of looked) {
      const host = pod.status.podIP ?? '';
      const ports = await openPorts(pod, container);
      for (const port of known) t.true(ports.includes(port), `${pod.metadata.name} listens on ${port}: ${ports}`);
      const requests = ports.flatMap((port) => attempts.map((attempt) => ({ ...attempt, port })));
      const answers = await sweepFrom(outsider, host, requests);
      for (const [index, { method, port, path }] of requests.entries()) {
        t.regex(answers[index] ?? '', /^(error|4|5)/, `${method} ${path} at port ${port} of ${pod.metadata.name}`);
      }
      const calls = ports.flatMap((port) => grpcAttempts.map((path) => ({ url: `http://${host}:${port}`, path })));
      const outcomes = await grpcSweepFrom(outsider, calls);
      for (const [index, { url, path }] of calls.entries()) {
        const { grpcStatus, httpStatus } = outcomes[index] ?? {};
        const passed = grpcStatus === 0 || (grpcStatus === undefined && httpStatus === 200);
        t.false(passed, `${path} at ${url} of ${pod.metadata.name}`);
      }
      const [after] = (await podsOf(pod.metadata.namespace, '')).filter(
        ({ metadata }) => metadata.uid === pod.metadata.uid,
      );
      t.true(after !== undefined && isReady(after), `${pod.metadata.name} is still the same pod, and ready`);
    }
    for (const pod of [payments, probed, edge]) {
      const host = pod.status.podIP ?? '';
      t.regex(await httpFrom(outsider, 'GET', host, 9901, '/ready'), /^200 /);
      t.regex(await httpFrom(outsider, 'GET', host, 9901, '/stats/prometheus'), /^200 /);
    }
  },
);

const probedScript = `
require('node:http').createServer((request, response) => { response.statusCode = request.url === '/healthz' ? 200 : 404; response.end(); }).listen(8080, '127.0.0.1');
require('node:net').createServer((socket) => socket.on('error', () => {}).end()).listen(7000, '127.0.0.1');
const h2 = require('node:http2').createServer();
h2.on('stream', (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' })).on('error', () => {});
  stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
});
h2.listen(9000, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));`;

/** A token as the kubelet would project it into a pod. */
function tokenOf(namespace: string, account: string, audience: string, pod?: PodObject): Promise<string> {
  const bound = pod
    ? ['--bound-object-kind', 'Pod', '--bound-object-name', pod.metadata.name, '--bound-object-uid', pod.metadata.uid]
    : [];
  return kubectl('create', 'token', account, '-n', namespace, '--audience', audience, ...bound).then((text) =>
    text.trim(),
  );
}

/** The same token, but for its end. Nobody has signed that. */
function endingAt(token: string, seconds: number): string {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const claims: Record<string, unknown> = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  return [header, Buffer.from(JSON.stringify({ ...claims, exp: seconds })).toString('base64url'), signature].join('.');
}

/** For so long a replica of the control plane does not repeat why it refused an address. Milliseconds. */
const quietMs = 60_000;

clusterTest("a proxy with another's id or with a token that does not prove its pod: refused, and logged", async (t) => {
  const { shop, xds, system } = await installed(t);
  const namespace = await freshNamespace(t, 'thief', { 'weft.dev/inject': 'true' });
  const thief = await runPod(t, { namespace, name: 'thief', serviceAccount: 'thief' });
  const [payments] = await podsOf(shop, 'app.kubernetes.io/name=payments');
  if (!payments) return t.fail('no pod of payments');
  const own = `${namespace}/thief`;
  const stolen = `${shop}/${payments.metadata.name}`;
  const good = await tokenOf(namespace, 'thief', 'weft', thief);
  const certificate = await certificateFor(xds, own, good);
  t.is(certificate.spiffeId, `spiffe://${certificate.trustDomain}/ns/${namespace}/sa/thief`);

  const sinceMs = Date.now() - quietMs;
  const logged = async (reason: string) =>
    (await controlPlaneLog(system)).some((line) => Date.parse(line.time) > sinceMs && line.reason?.includes(reason));
  const refused = async (id: string, token: string, reason: string) => {
    const outcome = await certificateFor(xds, id, token).then(
      ({ spiffeId }) => `got ${spiffeId}`,
      (error: Error) => error.message,
    );
    // 16 UNAUTHENTICATED, 7 PERMISSION_DENIED
    t.regex(outcome, /^(16|7): /, reason);
    t.true(outcome.includes(reason), outcome);
    await waitFor(`the control plane to log: ${reason}`, () => logged(reason));
  };
  await refused(stolen, good, `node ${stolen} is not ${own}, to whom the token was given`);
  const audience = `somebody-else-${namespace}`;
  await refused(
    own,
    await tokenOf(namespace, 'thief', audience, thief),
    `the token is for the audience "${audience}", not "weft"`,
  );
  await refused(
    own,
    await tokenOf(namespace, 'thief', 'weft'),
    `system:serviceaccount:${namespace}:thief is bound to no pod`,
  );
  // The API server grants nothing shorter than ten minutes, so the end is put back in one that it granted: the control plane looks at it
  // before it asks whether the token was signed. One whose end is put off is not believed.
  const endedAt = Math.floor(Date.now() / 1000) - randomInt(1, 86_400);
  const words = `the token ended at ${new Date(endedAt * 1000).toISOString()}`;
  await refused(own, endingAt(good, endedAt), words);
  await refused(own, endingAt(good, endedAt + 30 * 86_400), 'the API server does not know the token');
  const unsigned = `${good.slice(0, -8)}${randomBytes(6).toString('base64url')}`;
  await refused(own, unsigned, 'the API server does not know the token');

  await makeServiceAccounts(namespace, 'gone');
  const gone = await runPod(t, { namespace, name: 'gone', serviceAccount: 'gone' });
  const last = await tokenOf(namespace, 'gone', 'weft', gone);
  t.regex((await certificateFor(xds, `${namespace}/gone`, last)).spiffeId, /\/sa\/gone$/);
  await kubectl('delete', 'pod', 'gone', '-n', namespace, '--wait=true');
  const reason = await waitFor('the token to end with its pod', async () => {
    const outcome = await certificateFor(xds, `${namespace}/gone`, last).then(
      () => 'got a certificate',
      (error: Error) => error.message,
    );
    return /^16: (.+)/.exec(outcome)?.[1] ?? Promise.reject(new Error(outcome));
  });
  t.regex(reason, /that is gone$|^the API server does not know the token/);
  await waitFor(`the control plane to log: ${reason}`, () => logged(reason));
});

clusterTest('an application cannot read the token of its sidecar', async (t) => {
  await installed(t);
  const namespace = await freshNamespace(t, 'token', { 'weft.dev/inject': 'true' });
  const pod = await runPod(t, { namespace, name: 'curious', serviceAccount: 'curious' });
  const script = `
const { existsSync } = require('node:fs');
console.log(['/var/run/secrets/weft/token', '/var/run/weft/admin'].filter((path) => existsSync(path)).join() || 'nothing');`;
  t.is((await nodeIn(pod, script)).trim(), 'nothing');
});
