import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findEnvoy } from '@weft/dev-envoy';
import test from 'ava';
import { edgeBootstrap } from './bootstrap-edge.ts';

const bootstrap = edgeBootstrap({
  workload: 'weft-system/weft-edge-1',
  controlPlane: { host: 'weft-control-plane.weft-system.svc', port: 15_012 },
  listen: { host: '10.1.2.3', port: 8080 },
});

test('it is the pod that it says, and is ready when the edge listens', (t) => {
  t.like(bootstrap, { node: { id: 'weft-system/weft-edge-1', cluster: 'weft-system' } });
  const ready = JSON.stringify(bootstrap);
  t.regex(ready, /"healthCheckConfig":\{"address":\{"socketAddress":\{"address":"10\.1\.2\.3","portValue":8080\}\}\}/);
  t.regex(ready, /"portValue":9901/);
});

test('Envoy takes it', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'weft-edge-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const path = join(directory, 'bootstrap.json');
  // Its mounts are not on this machine.
  await writeFile(join(directory, 'ca-sds.yaml'), 'resources: []\n');
  const text = JSON.stringify(bootstrap).replaceAll('/etc/weft/root', directory);
  await writeFile(path, text);
  const { path: envoy } = await findEnvoy();
  await t.notThrowsAsync(promisify(execFile)(envoy, ['--mode', 'validate', '-c', path]));
});
