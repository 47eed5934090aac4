import { request } from 'node:https';
import test from 'ava';
import { defaultSettings } from './settings.ts';
import { startWebhook } from './webhook.ts';
import { createWebhookAuthority, WebhookCertificates } from './webhook-certificate.ts';

const servername = 'weft-webhook.weft-system.svc';

function start(t: { teardown(fn: () => unknown): void }) {
  const authority = createWebhookAuthority();
  const certificates = new WebhookCertificates(authority, [servername]);
  const lines: string[] = [];
  const write = (fields: object, message: string) => lines.push(JSON.stringify({ ...fields, message }));
  const namespaceLabels = async (namespace: string) => {
    if (namespace === 'broken') throw new Error('the cache is gone');
    return namespace === 'shop' ? { 'weft.dev/inject': 'true' } : undefined;
  };
  const log = { info: write, warn: write, error: write };
  return startWebhook({
    listen: { host: '127.0.0.1', port: 0 },
    settings: defaultSettings,
    namespaceLabels,
    certificates,
    log,
  }).then((webhook) => {
    t.teardown(() => webhook.close());
    t.teardown(() => certificates.close());
    let ca = authority.certificate;
    return {
      lines,
      certificates,
      trust: (pem: string) => {
        ca = pem;
      },
      post: (body: string | Buffer, options: { path?: string; method?: string } = {}) =>
        new Promise<{ status: number; body: string }>((resolve, reject) => {
          const { path = '/inject', method = 'POST' } = options;
          const { host, port } = webhook.address;
          const sent = request({ host, port, path, method, ca, servername, agent: false }, (response) => {
            let text = '';
            response.setEncoding('utf8').on('data', (chunk: string) => {
              text += chunk;
            });
            response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
          });
          sent.on('error', reject);
          sent.end(body);
        }),
    };
  });
}

const pod = {
  metadata: { generateName: 'web-', annotations: {} },
  spec: { containers: [{ name: 'web', env: [{ name: 'PASSWORD', value: 'hunter2' }] }] },
};

function review(more: object = {}, object: unknown = pod): string {
  const kind = { group: '', version: 'v1', kind: 'Pod' };
  const request = { uid: 'u-1', kind, operation: 'CREATE', namespace: 'shop', object, ...more };
  return JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request });
}

test('a pod is patched, and its secrets are in no log', async (t) => {
  const { post, lines } = await start(t);
  const { status, body } = await post(review());
  t.is(status, 200);
  const { response } = JSON.parse(body);
  t.like(response, { uid: 'u-1', allowed: true, patchType: 'JSONPatch' });
  const patch = JSON.parse(Buffer.from(response.patch, 'base64').toString());
  t.true(patch.some((operation: { path: string }) => operation.path === '/spec/initContainers'));
  const log = lines.join('\n');
  t.regex(log, /"pod":"shop\/web-\*","outcome":"injected"/);
  const drain = /x-weft-drain[^}]*?value":"([^"]+)"/.exec(JSON.stringify(patch))?.[1] ?? '';
  t.true(drain.length >= 24);
  for (const secret of ['hunter2', drain]) t.false(log.includes(secret));
});

test('each pod has a drain secret of its own', async (t) => {
  const { post } = await start(t);
  const patches = await Promise.all([post(review()), post(review())]);
  t.not(JSON.parse(patches[0].body).response.patch, JSON.parse(patches[1].body).response.patch);
});

test('a refusal says why, to the user and in the log', async (t) => {
  const { post, lines } = await start(t);
  const spec = { containers: [{ name: 'web', securityContext: { runAsUser: 1337 } }] };
  const { response } = JSON.parse((await post(review({}, { spec }))).body);
  t.is(response.allowed, false);
  t.regex(response.status.message, /^weft: container web: runAsUser 1337/);
  t.regex(lines.join('\n'), /runAsUser 1337/);
});

test('a pod that is left alone comes with a warning', async (t) => {
  const { post } = await start(t);
  const { response } = JSON.parse((await post(review({}, { spec: { ...pod.spec, hostNetwork: true } }))).body);
  t.is(response.allowed, true);
  t.is(response.patch, undefined);
  t.regex(response.warnings[0], /hostNetwork/);
});

test('what is no new pod passes', async (t) => {
  const { post } = await start(t);
  for (const more of [{ operation: 'UPDATE' }, { subResource: 'ephemeralcontainers' }]) {
    t.deepEqual(JSON.parse((await post(review(more))).body).response, { uid: 'u-1', allowed: true });
  }
});

test('a pod that cannot be read is refused by field, never by value', async (t) => {
  const { post } = await start(t);
  const spec = { containers: [{ name: 'web', ports: [{ containerPort: 'hunter2' }] }] };
  const { response } = JSON.parse((await post(review({}, { spec }))).body);
  t.is(response.allowed, false);
  t.regex(response.status.message, /spec\.containers\.0\.ports\.0\.containerPort/);
  t.notRegex(response.status.message, /hunter2/);
});

const malformed: [string, string][] = [
  ['nothing', ''],
  ['no JSON', '{"apiVersion": hunter2'],
  ['a list', '[]'],
  ['null', 'null'],
  ['another kind', '{"apiVersion":"v1","kind":"Pod"}'],
  ['an old version', review().replace('k8s.io/v1', 'k8s.io/v1beta1')],
  ['no uid', review({ uid: '' })],
  ['no namespace', review({ namespace: undefined })],
];
for (const [what, body] of malformed) {
  test(`${what} is 400`, async (t) => {
    const { post } = await start(t);
    const reply = await post(body);
    t.is(reply.status, 400);
    t.regex(reply.body, /^weft: /);
    t.notRegex(reply.body, /hunter2/);
  });
}

test('a namespace that is not known is 503, a failure 500, so that the failurePolicy decides', async (t) => {
  const { post } = await start(t);
  t.is((await post(review({ namespace: 'unknown' }))).status, 503);
  const failed = await post(review({ namespace: 'broken' }));
  t.is(failed.status, 500);
  t.notRegex(failed.body, /cache/);
});

test('other paths and methods are not served', async (t) => {
  const { post } = await start(t);
  t.is((await post(review(), { path: '/' })).status, 404);
  t.is((await post('', { method: 'GET' })).status, 405);
});

test('a body over the limit is 413', async (t) => {
  const { post } = await start(t);
  t.is((await post(Buffer.alloc(4 * 1024 * 1024 + 1, ' '))).status, 413);
});

test('a new certificate is served without a restart', async (t) => {
  const { post, certificates, trust } = await start(t);
  t.is((await post(review())).status, 200);
  const authority = createWebhookAuthority();
  certificates.replaceAuthority(authority);
  await t.throwsAsync(post(review()), { message: /certificate/ });
  trust(authority.certificate);
  t.is((await post(review())).status, 200);
});
