import { randomBytes } from 'node:crypto';
import { waitFor } from '../wait-for.ts';

import { clusterTest, freshNamespace, type PodObject, podsOf } from './cluster.ts';
import { kubectl } from './command.ts';
import { installed } from './installation.ts';
import { type GrpcOutcome, grpcFrom, httpFrom, makeServiceAccounts, nodeIn, runPod, sweepFrom } from './scratch-pod.ts';
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
  const outcomes = await Promise.all(
    [...ports].map(async (port) => ({
      port,
      outcome: await grpcFrom(outsider, `http://${payments.status.podIP}:${port}`, authorize),
    })),
  );
  for (const { port, outcome } of outcomes) {
    // The application would say INVALID_ARGUMENT to an empty request; 12 (UNIMPLEMENTED) is the probes' listener.
    const said = outcome.grpcStatus;
    const refused = outcome.error !== undefined || said === undefined || said === permissionDenied || said === 12;
    t.true(refused, `port ${port}: ${JSON.stringify(outcome)}`);
  }
  const byService = await grpcFrom(outsider, `http://payments.${shop}`, authorize);
  t.true(byService.error !== undefined || byService.grpcStatus === permissionDenied, JSON.stringify(byService));
});

clusterTest('no plain port of a sidecar answers anything but /ready and the metrics', async (t) => {
  const { shop } = await installed(t);
  const namespace = await freshNamespace(t, 'outside');
  const outsider = await runPod(t, { namespace, name: 'outsider' });
  const [payments] = await podsOf(shop, 'app.kubernetes.io/name=payments');
  if (!payments?.status.podIP) return t.fail('no pod of payments');
  const host = payments.status.podIP;
  t.regex(await httpFrom(outsider, 'GET', host, 9901, '/ready'), /^200 /);
  t.regex(await httpFrom(outsider, 'GET', host, 9901, '/stats/prometheus'), /^200 /);
  const ports = await openPorts(payments, 'payments');
  const attempts: [method: string, path: string][] = [
    ['POST', '/quitquitquit'],
    ['GET', '/quitquitquit'],
    ['GET', '/config_dump'],
    ['GET', '/clusters'],
    ['POST', '/ready'],
    ['POST', '/drain_listeners'],
    ['GET', '/drain'],
    ['GET', '/stats'],
    ['GET', '/ready/../config_dump'],
    ['GET', '//config_dump'],
    ['GET', '/'],
  ];
  const requests = ports.flatMap((port) => attempts.map(([method, path]) => ({ method, port, path })));
  const answers = await sweepFrom(outsider, host, requests);
  for (const [index, { method, port, path }] of requests.entries()) {
    t.regex(answers[index] ?? '', /^(error|4|5)/, `${method} ${path} at port ${port}`);
  }
  const [after] = await podsOf(shop, 'app.kubernetes.io/name=payments');
  t.is(after?.metadata.uid, payments.metadata.uid, 'payments is still the same pod');
});

/** A token as the kubelet would project it into a pod. */
function tokenOf(namespace: string, account: string, audience: string, pod?: PodObject): Promise<string> {
  const bound = pod
    ? ['--bound-object-kind', 'Pod', '--bound-object-name', pod.metadata.name, '--bound-object-uid', pod.metadata.uid]
    : [];
  return kubectl('create', 'token', account, '-n', namespace, '--audience', audience, ...bound).then((text) =>
    text.trim(),
  );
}

clusterTest(
  "another pod's id, another audience, no pod, a pod that is gone: the control plane refuses each",
  async (t) => {
    const { shop, xds } = await installed(t);
    const namespace = await freshNamespace(t, 'thief', { 'weft.dev/inject': 'true' });
    const thief = await runPod(t, { namespace, name: 'thief', serviceAccount: 'thief' });
    const [payments] = await podsOf(shop, 'app.kubernetes.io/name=payments');
    if (!payments) return t.fail('no pod of payments');
    const own = `${namespace}/thief`;
    const stolen = `${shop}/${payments.metadata.name}`;
    const good = await tokenOf(namespace, 'thief', 'weft', thief);
    const certificate = await certificateFor(xds, own, good);
    t.is(certificate.spiffeId, `spiffe://${certificate.trustDomain}/ns/${namespace}/sa/thief`);

    const refused = async (what: string, id: string, token: string) => {
      const outcome = await certificateFor(xds, id, token).then(
        ({ spiffeId }) => `got ${spiffeId}`,
        (error: Error) => error.message,
      );
      // 16 UNAUTHENTICATED, 7 PERMISSION_DENIED
      t.regex(outcome, /^(16|7):/, what);
    };
    await refused('the id of another pod', stolen, good);
    await refused('another audience', own, await tokenOf(namespace, 'thief', 'somebody-else', thief));
    await refused('a token that no pod holds', own, await tokenOf(namespace, 'thief', 'weft'));
    await refused('no token of this cluster', own, `${good.slice(0, -8)}${randomBytes(6).toString('base64url')}`);
    await makeServiceAccounts(namespace, 'gone');
    const gone = await runPod(t, { namespace, name: 'gone', serviceAccount: 'gone' });
    const last = await tokenOf(namespace, 'gone', 'weft', gone);
    await kubectl('delete', 'pod', 'gone', '-n', namespace, '--wait=true');
    await waitFor('the token to end with its pod', async () => {
      const outcome = await certificateFor(xds, `${namespace}/gone`, last).then(
        () => 'got a certificate',
        (error: Error) => error.message,
      );
      return /^(16|7):/.test(outcome);
    });
  },
);

clusterTest('an application cannot read the token of its sidecar', async (t) => {
  await installed(t);
  const namespace = await freshNamespace(t, 'token', { 'weft.dev/inject': 'true' });
  const pod = await runPod(t, { namespace, name: 'curious', serviceAccount: 'curious' });
  const script = `
const { existsSync } = require('node:fs');
console.log(['/var/run/secrets/weft/token', '/var/run/weft/admin'].filter((path) => existsSync(path)).join() || 'nothing');`;
  t.is((await nodeIn(pod, script)).trim(), 'nothing');
});
