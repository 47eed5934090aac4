import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { findEnvoy } from './find-envoy.ts';
import { startEnvoy } from './start-envoy.ts';

test('runs a stock Envoy with its admin on a unix socket, and ends it', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'envoy-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const { path, version } = await findEnvoy();
  t.regex(version, /^1\.\d+\.\d+$/);
  const admin = { address: { pipe: { path: join(dir, 'admin.sock'), mode: 0o600 } } };
  const envoy = await startEnvoy({ envoy: path, bootstrap: { admin }, dir });
  t.teardown(() => envoy.kill());
  const ready = async (): Promise<string> =>
    envoy.admin('/ready').catch(() => new Promise((r) => setImmediate(r)).then(ready));
  t.is((await ready()).trim(), 'LIVE');
  t.is((await stat(envoy.adminSocket)).mode & 0o777, 0o600);
  t.is((await stat(join(dir, 'envoy.json'))).mode & 0o777, 0o600);
  await t.throwsAsync(envoy.admin('/nothing-here'), { message: /answered \/nothing-here with 404/ });
  await envoy.stop();
  await t.throwsAsync(envoy.admin('/ready'));
});

test('a bootstrap without an admin socket is refused before anything starts', async (t) => {
  await t.throwsAsync(startEnvoy({ envoy: '/nowhere', bootstrap: {}, dir: tmpdir() }), {
    message: /admin.address.pipe.path/,
  });
});
