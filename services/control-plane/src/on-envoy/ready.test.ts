import { request } from 'node:http';
import { join } from 'node:path';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { encodedResource } from '@weft/compiler/envoy/encode';
import { typeUrls } from '@weft/compiler/envoy/resource';
import { rootDirectory, tokenDirectory } from '@weft/compiler/pod/names';
import { readyPort } from '@weft/compiler/pod/ports';
import { MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import { tinyContract } from '@weft/compiler/testing/tiny-contract';
import { Exposure } from '@weft/policy/weft/policy/v1/policy';
import test from 'ava';
import { edgeBootstrap } from '../edge/bootstrap-edge.ts';
import { adminSocket } from '../injector/bootstrap-ready-listener.ts';
import { freePorts } from './testing/free-ports.ts';
import { until } from './testing/running-control-plane.ts';
import { RunningLiveMesh } from './testing/running-live-mesh.ts';

/** An address of this machine on which the fixed ports of a pod are free. */
const podAddress = '127.77.0.9';

interface Answer {
  readonly status: number;
  readonly body: string;
}

function get(port: number, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: podAddress, port, path, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

test('an edge that refuses its routes listens, but is not ready, and says why; it is as soon as it takes them', async (t) => {
  const [port = 0] = await freePorts(1);
  const set = tinyContract('bakery.leaf', { First: { policy: { exposure: Exposure.EDGE } } });
  const directory = new MeshDirectory()
    .edge(`${podAddress}:${port}`)
    .contract('bakery', 'bakery.leaf', set)
    .service('leaf');
  directory.replica('leaf-0', { contract: contractHash(set), inbound: '127.0.0.1:1', application: 'unix:/nobody' });
  let broken = true;
  const mesh = await RunningLiveMesh.start(directory, {
    // No route configuration at all.
    spoil: (collection, _, output) =>
      collection === 'gateway routes' && broken
        ? encodedResource(typeUrls.route, 'gateway|edge', Buffer.from('ffff', 'hex'))
        : output,
  });
  t.teardown(() => mesh.stop());
  t.teardown(() => t.passed || t.log(mesh.log.join('\n')));
  const bootstrap = edgeBootstrap({
    workload: 'weft/edge-0',
    controlPlane: { host: '127.0.0.1', port: mesh.port },
    listen: { host: podAddress, port },
  });
  const admin = join(mesh.dir, 'admin.sock');
  const token = await mesh.token('weft/edge-0');
  const text = JSON.stringify(bootstrap)
    .replaceAll(adminSocket, admin)
    .replaceAll(rootDirectory, join(mesh.dir, 'root'))
    .replaceAll(`${tokenDirectory}/token`, token)
    .replaceAll(tokenDirectory, mesh.dir);
  await mesh.startProxy('weft/edge-0', JSON.parse(text));
  await until(async () => (await get(port, '/')).status === 404);
  const answer = await get(readyPort, '/ready');
  t.deepEqual(answer, {
    status: 503,
    body: 'weft: the proxy refuses its routes gateway|edge; weft status says why',
  });
  // Envoy writes its log in its own time.
  await until(
    () => mesh.log.some((line) => line.includes(answer.body)),
    () => 'it is in the log of the pod',
  );
  broken = false;
  directory.put('edge.yaml', { kind: 'Gateway', metadata: { name: 'edge' }, spec: { reflection: true } });
  mesh.apply(directory);
  await until(async () => (await get(readyPort, '/ready')).status === 200);
});
