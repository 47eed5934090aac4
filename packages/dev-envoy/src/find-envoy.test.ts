import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { findEnvoy } from './find-envoy.ts';
import { wheelFor } from './wheels.ts';

test('WEFT_ENVOY that is not an Envoy is refused by name', async (t) => {
  await t.throwsAsync(findEnvoy({ env: { WEFT_ENVOY: '/bin/true' } }), {
    name: 'EnvoyNotFoundError',
    message: 'WEFT_ENVOY names /bin/true, which does not start as an Envoy; correct or unset it.',
  });
});

test('an Envoy on PATH is used, and one that does not say its version is passed over', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'path-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const file = join(dir, 'envoy');
  await writeFile(file, '#!/bin/sh\necho "envoy  version: 9e5580/1.41.2/Clean/RELEASE/BoringSSL"\n');
  await chmod(file, 0o755);
  t.deepEqual(await findEnvoy({ env: { PATH: `/bin:${dir}` } }), { path: file, version: '1.41.2', source: 'PATH' });
});

test('Intel Macs have no wheel', (t) => {
  t.is(wheelFor('darwin', 'x64'), undefined);
  t.regex(wheelFor('linux', 'x64')?.sha256 ?? '', /^[0-9a-f]{64}$/);
});
