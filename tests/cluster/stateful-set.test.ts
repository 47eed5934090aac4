import { waitFor } from '../wait-for.ts';
import { clusterTest, freshNamespace, rolledOut } from './cluster.ts';
import { apply } from './command.ts';
import { installed } from './installation.ts';
import { httpFrom, makeServiceAccounts, podTemplate, runPod } from './scratch-pod.ts';

/** Answers what it was asked, and with the caller that the sidecar names. */
const echo = `
require('node:http').createServer((request, response) => {
  response.end(JSON.stringify({ path: request.url, host: request.headers.host, caller: request.headers['x-forwarded-client-cert'] ?? '' }));
}).listen(8080);
process.on('SIGTERM', () => process.exit(0));`;

const meshed = { 'weft.dev/inject': 'true' };

clusterTest('a StatefulSet behind a headless Service: each pod is reached by its own name, over mTLS', async (t) => {
  await installed(t);
  const namespace = await freshNamespace(t, 'stateful', meshed);
  await makeServiceAccounts(namespace, 'member', 'client');
  const template = podTemplate({ name: 'member', serviceAccount: 'member', script: echo });
  await apply([
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name: 'member' },
      spec: { clusterIP: 'None', selector: { app: 'member' }, ports: [{ port: 8080, appProtocol: 'http' }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { namespace, name: 'member' },
      spec: { serviceName: 'member', replicas: 2, selector: { matchLabels: { app: 'member' } }, template },
    },
  ]);
  await rolledOut(namespace, 'statefulset/member');
  const client = await runPod(t, { namespace, name: 'client', serviceAccount: 'client' });
  for (const index of [0, 1]) {
    const host = `member-${index}.member.${namespace}.svc.cluster.local`;
    const answer = await waitFor(`an answer of ${host}`, async () => {
      const text = await httpFrom(client, 'GET', host, 8080, `/${index}`);
      t.log(text);
      return text.startsWith('200') ? text : Promise.reject(new Error(text));
    });
    t.regex(answer, new RegExp(`"path":"/${index}"`));
    t.regex(answer, new RegExp(`URI=spiffe://[^;]*/ns/${namespace}/sa/client`), 'the call came by mTLS');
  }
});
