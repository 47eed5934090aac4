import { clusterTest, freshNamespace, rolledOut } from './cluster.ts';
import { apply, helm } from './command.ts';
import { installed, upgrade } from './installation.ts';
import { startLoad } from './load.ts';
import { startLoadWithin } from './load-within.ts';
import { makeServiceAccounts, podTemplate, runPod } from './scratch-pod.ts';
import { restart, underLoad } from './under-load.ts';

/** Calls at least during one rollout. */
const some = 5000;

/** Calls at least during an upgrade of everything and the way back. */
const many = 20_000;

clusterTest('a rolling update of the edge fails no call', async (t) => {
  const { edge, system } = await installed(t);
  await underLoad(t, startLoad(edge), () => restart(system, 'weft-edge'), some);
});

clusterTest('a rolling update of the control plane fails no call', async (t) => {
  const { edge, system } = await installed(t);
  await underLoad(t, startLoad(edge), () => restart(system, 'weft-control-plane'), some);
});

/** A server that knows nothing of the mesh: it ends at once when it is told to. */
const plainServer = `
require('node:http').createServer((request, response) => response.end('hello')).listen(8080);
process.on('SIGTERM', () => process.exit(0));`;

clusterTest('a rolling update of a service without the kit fails no call from within the mesh', async (t) => {
  await installed(t);
  const namespace = await freshNamespace(t, 'plain', { 'weft.dev/inject': 'true' });
  await makeServiceAccounts(namespace, 'plain');
  const template = podTemplate({
    name: 'plain',
    serviceAccount: 'plain',
    script: plainServer,
    container: { readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 } },
    spec: { terminationGracePeriodSeconds: 30 },
  });
  await apply([
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name: 'plain' },
      spec: { selector: { app: 'plain' }, ports: [{ port: 80, targetPort: 8080, appProtocol: 'http' }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace, name: 'plain' },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'plain' } },
        strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        template,
      },
    },
  ]);
  await rolledOut(namespace, 'deployment/plain');
  const client = await runPod(t, { namespace, name: 'client', serviceAccount: 'client' });
  const load = startLoadWithin(client, `http://plain.${namespace}/`);
  await underLoad(t, load, () => restart(namespace, 'plain'), some);
});

clusterTest('helm upgrade and helm rollback of both charts fail no call out of 20,000', async (t) => {
  const { edge, shop, system } = await installed(t);
  const turn = async () => {
    await upgrade('shop', { 'service.podAnnotations.turn': `at ${Date.now()}` });
    await upgrade('weft', { 'sidecar.logLevel': 'info' });
    await helm('rollback', 'weft', '-n', system, '--wait', '--timeout', '6m');
    await helm('rollback', 'shop', '-n', shop, '--wait', '--timeout', '6m');
  };
  await underLoad(t, startLoad(edge), turn, many);
});
