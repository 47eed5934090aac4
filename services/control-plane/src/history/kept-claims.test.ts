import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Graph } from '@weft/collections';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import { tinyContract } from '@weft/compiler/testing/tiny-contract';
import { type Claims, PathClaims } from '@weft/compiler/translation/path-claims';
import { Exposure } from '@weft/policy/weft/policy/v1/policy';
import test from 'ava';
import { FakeApiServer } from '../kubernetes/fake-api-server.fixture.ts';
import { MeshProcess } from '../mesh-process.fixture.ts';
import { ClaimConfigMap } from './claim-config-map.ts';
import { ClaimFile } from './claim-file.ts';
import type { ClaimStore } from './claim-store.ts';
import { KeptClaims } from './kept-claims.ts';

const log = { warn: () => undefined };

function newClaims(): PathClaims {
  return new PathClaims(new Graph().source<Claims>('claims'));
}

const orders = new Map([['edge\nbakery/orders', { after: { paths: ['GET /v1/orders/*'] } }]]);

async function keep(store: ClaimStore, decides: boolean): Promise<void> {
  const claims = newClaims();
  const kept = await KeptClaims.open({ store, claims, decides: () => decides, log });
  claims.note(orders, 1000);
  kept.look();
  await kept.close();
}

test('a file and a ConfigMap keep claims; a replica that does not decide writes none', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'weft-claims-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const fake = await FakeApiServer.start(t);
  const api = fake.api();
  t.teardown(() => api.close());
  const stores = [
    new ClaimFile(join(directory, 'claims.json')),
    new ClaimConfigMap({ api, namespace: 'weft-system', retryMs: 1 }),
  ];
  for (const store of stores) {
    t.deepEqual(await store.load(), {});
    await keep(store, false);
    t.deepEqual(await store.load(), {}, store.place);
    await keep(store, true);
    const expected = { 'edge\nbakery/orders\nGET /v1/orders/*': { sinceMs: 1000 } };
    t.deepEqual(await store.load(), expected, store.place);
    // What is there is replaced, and what was there before is known to the next process.
    await keep(store, true);
    t.deepEqual(await store.load(), expected, store.place);
  }
});

test('claims that cannot be read stop nothing', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'weft-claims-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const path = join(directory, 'claims.json');
  await writeFile(path, '{"format":2}');
  const warned: string[] = [];
  const claims = newClaims();
  const kept = await KeptClaims.open({
    store: new ClaimFile(path),
    claims,
    decides: () => true,
    log: { warn: (_, message) => warned.push(message) },
  });
  await kept.close();
  t.deepEqual(warned, ['who had a path at a gateway first cannot be read']);
});

test('who had a path first has it after kill -9 and a restart of the control plane', async (t) => {
  const packages = ['bakery', 'aaa'].map((namespace) => ({ namespace, protoPackage: namespace }));
  const mesh = await MeshProcess.open(t, { packages });
  const put = async (namespace: string, path: string) => {
    const set = tinyContract(
      `${namespace}.${namespace}things`,
      { Get: { http: { verb: 'get', path } } },
      { exposure: Exposure.EDGE },
    );
    await mesh.putContract(namespace, 'things.binpb', set);
    const files = new MeshDirectory()
      .service(`${namespace}things`, namespace)
      .edge('127.0.0.1:9')
      .replica(`${namespace}things-0`, {
        namespace,
        contract: contractHash(set),
        inbound: '127.0.0.1:9',
        application: 'unix:/run/none',
      });
    for (const [file, bytes] of files.files) {
      if (file !== 'mesh.yaml') await mesh.put(file, JSON.parse(Buffer.from(bytes).toString()));
    }
  };
  const refused = (namespace: string) => async () => {
    const { problems } = await mesh.status();
    const found = problems.filter(({ message }) => message.includes(' overlaps '));
    return found.length === 1 && found[0]?.resource === `Service ${namespace}/${namespace}things`;
  };
  await put('bakery', '/v1/products/{name}');
  await mesh.until('bakery is known', async ({ services }) => services.length === 1);
  await put('aaa', '/v1/{name=**}');
  await mesh.until('aaa is refused', refused('aaa'));
  await mesh.until('it is kept', () => mesh.isKept('path-claims.json', 'aaathings'));
  await mesh.stop('SIGKILL');
  await mesh.start();
  t.true(await refused('aaa')());
});
