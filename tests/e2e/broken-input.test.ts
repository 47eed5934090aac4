import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OrderStatus } from '@shop/orders-contract/v1';
import test from 'ava';
import type { Mesh, MeshStatus } from '../mesh.ts';
import { takeMesh } from '../shared-mesh.ts';
import { goodOrder, shopAt } from '../shop.ts';
import { waitFor } from '../wait-for.ts';

let mesh: Mesh;
test.before(async () => {
  mesh = await takeMesh();
});
test.after.always(() => mesh?.stop());

/** Writes a file of the user's beside the good ones, as an editor does. */
async function put(path: string, content: string | Uint8Array): Promise<string> {
  const file = join(mesh.state, 'mesh', path);
  await mkdir(join(file, '..'), { recursive: true });
  const temporary = join(mesh.state, `put-${randomUUID()}`);
  await writeFile(temporary, content);
  await rename(temporary, file);
  return file;
}

const problemAbout = (text: string) =>
  waitFor(`a problem about ${text}`, async () => {
    const { problems = [] } = await mesh.status();
    return problems.find((problem) => problem.resource.includes(text));
  });

const nacks = (status: MeshStatus) =>
  status.workloads.flatMap((workload) => workload.proxy?.acknowledgements.map((ack) => ack.nack).filter(Boolean) ?? []);

test.serial(
  'a broken manifest and a broken contract beside good ones are named, and the good ones serve',
  async (t) => {
    const files = [
      await put('user/not-yaml.yaml', 'apiVersion: v1\nkind: [Service\n'),
      await put(
        'user/half.yaml',
        'apiVersion: v1\nkind: Service\nmetadata: {name: half, namespace: shop}\nspec: {ports: []}\n',
      ),
      await put('contracts/shop/0000000000000000.binpb', new Uint8Array([1, 2, 3, 255])),
    ];
    for (const name of ['not-yaml.yaml', 'half.yaml', '0000000000000000.binpb']) {
      const problem = await problemAbout(name);
      t.not(problem.message, '');
      t.log(`${problem.resource}: ${problem.field ?? ''} ${problem.message}`);
    }
    const { order } = await shopAt(mesh.edge).orders.placeOrder(goodOrder());
    t.is(order?.status, OrderStatus.CONFIRMED);
    await mesh.weft('scale', 'inventory=2');
    t.deepEqual(nacks(await mesh.status()), []);

    for (const file of files) await rm(file);
    await waitFor('the problems to go', async () => ((await mesh.status()).problems ?? []).length === 0);
  },
);

test.serial('a manifest that breaks keeps its last good form', async (t) => {
  const file = (await mesh.status()).services.some((service) => service.name === 'catalog') ? 'user/extra.yaml' : '';
  const good =
    'apiVersion: v1\nkind: Service\nmetadata: {name: extra, namespace: shop}\nspec: {selector: {app: catalog-extra}, ports: [{port: 8080}]}\n';
  await put(file, good);
  const hasExtra = async () => (await mesh.status()).services.some((service) => service.name === 'extra');
  await waitFor('the service', hasExtra);
  await put(file, `${good}  bad: [`);
  await problemAbout('extra.yaml');
  t.true(await hasExtra());
});

test.serial('the same contract published from a namespace that does not own its package has no effect', async (t) => {
  const { workloads } = await mesh.status();
  t.true(workloads.length > 0);
  const { readFile, readdir } = await import('node:fs/promises');
  const directory = join(mesh.state, 'mesh/contracts/shop');
  const names = (await readdir(directory)).filter((name) => name.endsWith('.binpb'));
  await put(`contracts/evil/${names[0]}`, await readFile(join(directory, names[0] ?? '')));
  t.teardown(() => rm(join(mesh.state, 'mesh/contracts/evil'), { recursive: true }));
  const problem = await problemAbout('contracts/evil');
  t.regex(problem.message, /evil/);
  const { order } = await shopAt(mesh.edge).orders.placeOrder(goodOrder());
  t.is(order?.status, OrderStatus.CONFIRMED);
});
