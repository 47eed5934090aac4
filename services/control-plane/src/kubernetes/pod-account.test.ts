import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { signCertificate, toPem } from '../identity/certificate.ts';
import { ApiError, connectApi } from './api.ts';
import { podAccount } from './pod-account.ts';

/** An authority, and a certificate of it for the loopback addresses. */
function certified(): { ca: string; cert: string; key: string } {
  const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const [authority, server] = [pair(), pair()];
  const commonName = 'Kubernetes';
  const times = { notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 600_000, serial: Uint8Array.of(1) };
  const issuer = { commonName, key: authority.privateKey };
  const ca = signCertificate({ ...times, key: authority.publicKey, commonName, isAuthority: true }, issuer);
  const ips = ['127.0.0.1', '::1'];
  const cert = signCertificate({ ...times, key: server.publicKey, ips }, issuer);
  const key = server.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { ca: toPem(ca), cert: toPem(cert), key };
}

/** A pod whose API server takes one token, and the files that Kubernetes mounted for it. */
async function pod(t: ExecutionContext, host = '127.0.0.1') {
  const directory = await mkdtemp(join(tmpdir(), 'weft-account-'));
  const { ca, cert, key } = certified();
  const seen: (string | undefined)[] = [];
  const taken = { token: 'first' };
  const answer = ({ headers }: IncomingMessage, response: ServerResponse) => {
    seen.push(headers.authorization);
    const status = headers.authorization === `Bearer ${taken.token}` ? 200 : 401;
    const body = { kind: 'Status', message: status === 200 ? 'welcome' : 'Unauthorized' };
    response.writeHead(status, { connection: 'close' }).end(`${JSON.stringify(body)}\n`);
  };
  const server = createServer({ cert, key }, answer);
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  const port = String(typeof address === 'object' && address !== null ? address.port : 0);
  const clock = { ms: 0 };
  const mount = (name: 'token' | 'ca.crt', content: string) => writeFile(join(directory, name), content);
  await mount('token', 'first\n');
  await mount('ca.crt', ca);
  const api = connectApi(podAccount({ host, port, directory, now: () => clock.ms }));
  t.teardown(async () => {
    api.close();
    server.closeAllConnections();
    server.close();
    await rm(directory, { recursive: true });
  });
  return { api, server, directory, seen, taken, clock, mount };
}

const ask = { path: '/api/v1/pods' };

test('a pod proves itself with its token, and its API server with the authority that is mounted', async (t) => {
  const { api, server, seen, mount, clock } = await pod(t);
  t.like(await api.call(ask), { message: 'welcome' });
  t.deepEqual(seen, ['Bearer first']);
  const next = certified();
  server.setSecureContext(next);
  await t.throwsAsync(api.call(ask), { instanceOf: ApiError, message: /certificate/ });
  await mount('ca.crt', next.ca);
  clock.ms += 10_000;
  t.like(await api.call(ask), { message: 'welcome' });
});

test('a token that the kubelet has replaced is taken after a while', async (t) => {
  const { api, seen, mount, clock } = await pod(t);
  await api.call(ask);
  await mount('token', 'second');
  clock.ms += 9_999;
  await api.call(ask);
  clock.ms += 1;
  await t.throwsAsync(api.call(ask), { message: 'Unauthorized' });
  t.deepEqual(seen, ['Bearer first', 'Bearer first', 'Bearer second']);
});

test('a token that is refused is read again at once, by all requests that it was refused to', async (t) => {
  const { api, seen, taken, mount } = await pod(t);
  await api.call(ask);
  await mount('token', 'second');
  taken.token = 'second';
  const lines: string[] = [];
  await Promise.all([api.call(ask), api.call(ask), api.lines(ask, (line) => lines.push(line))]);
  t.is(lines.length, 1);
  t.deepEqual(seen.toSorted(), ['first', 'first', 'first', 'first', 'second', 'second', 'second'].map(bearer));
  taken.token = 'third';
  await t.throwsAsync(api.call(ask), { instanceOf: ApiError, message: 'Unauthorized' });
  t.is(seen.length, 8, 'the same token is not shown again');
});

test('an error names the file that cannot be read; the next request reads again', async (t) => {
  const { api, directory, clock, mount } = await pod(t);
  await api.call(ask);
  await unlink(join(directory, 'token'));
  await api.call(ask);
  clock.ms += 10_000;
  const advice = 'Kubernetes mounts it where the pod has automountServiceAccountToken: true';
  const message = `cannot read ${join(directory, 'token')} (ENOENT): ${advice}`;
  await t.throwsAsync(api.call(ask), { instanceOf: ApiError, message });
  await mount('token', '');
  await t.throwsAsync(api.call(ask), { message: `${join(directory, 'token')} is empty: ${advice}` });
  await mount('token', 'first');
  t.like(await api.call(ask), { message: 'welcome' });
});

test('the API server may have an IPv6 address or a name', async (t) => {
  t.is(podAccount({ host: 'fd00::1', port: '6443' }).server, 'https://[fd00::1]:6443');
  t.is(podAccount({ host: 'kubernetes.default' }).server, 'https://kubernetes.default:443');
  t.throws(() => podAccount({ host: 'a b' }), { message: /^KUBERNETES_SERVICE_HOST a b and .* are no address$/ });
  const six = await pod(t, '::1').catch((error: unknown) => t.log(`without IPv6: ${error}`));
  if (six) t.like(await six.api.call(ask), { message: 'welcome' });
});

test('in a pod nothing loads the large library of Kubernetes', async (t) => {
  const script = `
    import { registerHooks } from 'node:module';
    registerHooks({
      resolve(name, context, next) {
        if (name.startsWith('@kubernetes/')) throw new Error(name + ' is loaded');
        return next(name, context);
      },
    });
    const load = (path) => import(new URL('../' + path, process.argv[1]));
    for (const path of ['control-plane.ts', 'environment/kubernetes.ts', 'cleanup/cleanup.ts']) await load(path);
    const { clusterAccess } = await load('kubernetes/cluster-access.ts');
    console.log((await clusterAccess()).server);
    delete process.env.KUBERNETES_SERVICE_HOST;
    await clusterAccess().catch((error) => console.log(error.message));`;
  const { KUBECONFIG: _, ...others } = process.env;
  const env = { ...others, KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', script, import.meta.url],
    { env },
  );
  t.is(stdout, 'https://10.96.0.1:443\n@kubernetes/client-node is loaded\n');
});

function bearer(token: string): string {
  return `Bearer ${token}`;
}
