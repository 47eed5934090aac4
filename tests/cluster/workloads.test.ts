import { randomUUID } from 'node:crypto';
import { waitFor } from '../wait-for.ts';
import { clusterTest, freshNamespace, isReady, podsOf } from './cluster.ts';
import { apply, get, kubectl } from './command.ts';
import { installed } from './installation.ts';
import { makeServiceAccounts, nodeIn, podTemplate, runPod } from './scratch-pod.ts';

/** Speaks first, as many protocols of databases and mail do. */
const greeter = `
require('node:net').createServer((socket) => { socket.write('hello from the server\\n'); socket.on('data', (data) => socket.end('you said ' + data)); socket.on('error', () => {}); }).listen(7000);
process.on('SIGTERM', () => process.exit(0));`;

interface JobObject {
  readonly status: { readonly succeeded?: number; readonly failed?: number };
}

const meshed = { 'weft.dev/inject': 'true' };

function job(namespace: string, name: string, script: string) {
  const template = podTemplate({ name, script });
  return {
    metadata: { namespace, name },
    spec: { backoffLimit: 0, template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } },
  };
}

async function completed(namespace: string, name: string): Promise<void> {
  await waitFor(
    `Job ${name} to complete`,
    async () => {
      const { status } = await get<JobObject>('job', name, '-n', namespace);
      if (status.failed) throw new Error(`Job ${name} failed`);
      return status.succeeded === 1;
    },
    { timeoutMs: 90_000, intervalMs: 500 },
  );
}

clusterTest('a Job with a sidecar completes', async (t) => {
  await installed(t);
  const namespace = await freshNamespace(t, 'job', meshed);
  await apply([{ apiVersion: 'batch/v1', kind: 'Job', ...job(namespace, 'once', 'console.log("done")') }]);
  await completed(namespace, 'once');
  const [pod] = await podsOf(namespace, 'app=once');
  t.true(
    pod?.spec.initContainers?.some(({ name }) => name === 'weft-proxy'),
    'the Job had a sidecar',
  );
  t.regex(await kubectl('logs', '-n', namespace, 'job/once', '-c', 'app'), /done/);
});

clusterTest('a CronJob with a sidecar completes', async (t) => {
  await installed(t);
  const namespace = await freshNamespace(t, 'cron', meshed);
  const { spec } = job(namespace, 'nightly', 'console.log("done")');
  await apply([
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { namespace, name: 'nightly' },
      spec: { schedule: '0 0 1 1 *', jobTemplate: { spec } },
    },
  ]);
  await kubectl('create', 'job', '-n', namespace, 'tonight', '--from=cronjob/nightly');
  await completed(namespace, 'tonight');
  const [pod] = await podsOf(namespace, 'app=nightly');
  t.true(
    pod?.spec.initContainers?.some(({ name }) => name === 'weft-proxy'),
    'the Job had a sidecar',
  );
});

clusterTest('TCP where the server speaks first goes through the mesh', async (t) => {
  await installed(t);
  const namespace = await freshNamespace(t, 'tcp', meshed);
  await runPod(t, { namespace, name: 'greeter', serviceAccount: 'greeter', script: greeter });
  await apply([
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name: 'greeter' },
      spec: { selector: { app: 'greeter' }, ports: [{ port: 7000, appProtocol: 'tcp' }] },
    },
  ]);
  const client = await runPod(t, { namespace, name: 'client', serviceAccount: 'client' });
  const word = randomUUID();
  const script = `
const [host, word] = process.argv.slice(1);
const socket = require('node:net').connect(7000, host);
let text = '';
socket.setEncoding('utf8').on('data', (data) => { if (!text) socket.write(word); text += data; }).on('close', () => { console.log(text); process.exit(0); }).on('error', (e) => { text += 'error ' + e.code; });
setTimeout(() => { console.log(text + ' timeout'); process.exit(0); }, 5000);`;
  const text = await waitFor('the greeting', async () => {
    const said = await nodeIn(client, script, `greeter.${namespace}`, word);
    return said.includes('hello') ? said : Promise.reject(new Error(said));
  });
  t.regex(text, /hello from the server\nyou said /);
  t.true(text.includes(word));
});

const probed = `
const http = require('node:http');
http.createServer((request, response) => { response.statusCode = request.url === '/healthz' ? 200 : 404; response.end(); }).listen(8080);
require('node:net').createServer((socket) => socket.end()).listen(7000);
const h2 = require('node:http2').createServer();
h2.on('stream', (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
});
h2.listen(9000);
process.on('SIGTERM', () => process.exit(0));`;

const probes: Readonly<Record<string, object>> = {
  httpGet: { httpGet: { path: '/healthz', port: 8080 } },
  tcpSocket: { tcpSocket: { port: 7000 } },
  grpc: { grpc: { port: 9000 } },
  exec: { exec: { command: ['node', '-e', 'process.exit(0)'] } },
};

for (const [kind, probe] of Object.entries(probes)) {
  clusterTest(`probes by ${kind} reach an application behind strict mTLS`, async (t) => {
    await installed(t);
    const namespace = await freshNamespace(t, 'probe', meshed);
    const all = { ...probe, periodSeconds: 1, failureThreshold: 30 };
    const pod = await runPod(t, {
      namespace,
      name: 'probed',
      serviceAccount: 'probed',
      script: probed,
      container: { startupProbe: all, readinessProbe: all, livenessProbe: all },
    });
    t.true(isReady(pod));
    t.true(pod.spec.initContainers?.some(({ name }) => name === 'weft-proxy'));
  });
}

for (const [kind, probe] of Object.entries({
  httpGet: { httpGet: { path: '/nothing', port: 8080 } },
  tcpSocket: { tcpSocket: { port: 7001 } },
  grpc: { grpc: { port: 9001 } },
})) {
  clusterTest(`a probe by ${kind} that fails keeps a pod from being ready`, async (t) => {
    await installed(t);
    const namespace = await freshNamespace(t, 'probe', meshed);
    const readinessProbe = { ...probe, periodSeconds: 1, failureThreshold: 1 };
    await makeServiceAccounts(namespace, 'probed');
    const { metadata, spec } = podTemplate({
      name: 'probed',
      serviceAccount: 'probed',
      script: probed,
      container: { readinessProbe },
    });
    await apply([{ apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, namespace, name: 'probed' }, spec }]);
    const said = await waitFor(
      'the kubelet to say so',
      async () => {
        const { items } = await get<{ items: { reason: string; message: string }[] }>('events', '-n', namespace);
        return items.find(({ reason, message }) => reason === 'Unhealthy' && message.startsWith('Readiness'));
      },
      { timeoutMs: 90_000, intervalMs: 500 },
    );
    t.truthy(said.message);
    t.false((await podsOf(namespace, 'app=probed')).some(isReady));
  });
}
