import { setTimeout as sleep } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { Root_Phase } from '@weft/api/weft/api/v1/mesh';
import { client, implement, serve } from '@weft/service-kit';
import { CatalogService, ProductSchema } from '@weft/test-contracts/bakery/catalog/v1/catalog';
import test, { type ExecutionContext } from 'ava';
import { MeshProcess, type Replica } from './mesh-process.fixture.ts';

// WEFT_SOAK_SECONDS=120 makes the first test as long as it takes to be sure; a minute is for every day. Much shorter lives would fail on a
// machine so busy that a process waits for half of one: the next certificate comes at half-life, and would come too late.
const soakMs = Number(process.env.WEFT_SOAK_SECONDS ?? 62) * 1000;
const { STEADY, SPREADING, SIGNING } = Root_Phase;

/** catalog and orders, each behind its Envoy. */
async function bakery(t: ExecutionContext, spec: object, more: readonly string[]) {
  const mesh = await MeshProcess.open(t, spec, more);
  const [catalog, orders] = await Promise.all([mesh.addReplica('catalog'), mesh.addReplica('orders')]);
  await serveCatalog(t, catalog);
  await mesh.untilServing('catalog', 'orders');
  return { mesh, catalog, orders };
}

async function serveCatalog(t: ExecutionContext, { application }: Replica): Promise<void> {
  const price = { currencyCode: 'EUR', units: 1n };
  const product = create(ProductSchema, { sku: 'WFT-0001', name: 'A thing', category: 'things', price });
  const service = implement(CatalogService, {
    getProduct: ({ sku }) => ({ product: { ...product, sku } }),
    batchGetProducts: () => ({}),
    listProducts: () => ({}),
    searchProducts: () => ({}),
    importProducts: () => ({}),
  });
  const server = await serve({ services: [service], listen: application, drainMs: 0, finishMs: 0 });
  t.teardown(() => server.close());
}

/** Calls all the time, from two sides at once, until it is stopped. */
function load(t: ExecutionContext, { outbound }: Replica) {
  const products = client(CatalogService, { outbound });
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  const failures: string[] = [];
  let calls = 0;
  const worker = async () => {
    while (!stop.signal.aborted) {
      try {
        await products.getProduct({ sku: 'WFT-0001' }, { deadlineMs: 5000 });
      } catch (error) {
        failures.push(`${new Date().toISOString()} ${error}`);
      }
      calls += 1;
      await sleep(5);
    }
  };
  const workers = [worker(), worker()];
  return {
    failures,
    calls: () => calls,
    async stop() {
      stop.abort();
      await Promise.all(workers);
    },
  };
}

/** Makes Envoy open new connections, so that certificates are shown and checked again. */
async function reconnect(mesh: MeshProcess): Promise<void> {
  // A graceful drain of the callee: its connections are told to go away, its listeners stay.
  await mesh.envoy('catalog').admin('/drain_listeners?graceful&skip_exit', { method: 'POST' });
}

test.serial('certificates that live 20 s are renewed under load, and no call fails', async (t) => {
  t.timeout(soakMs + 60_000);
  const { mesh, orders, catalog } = await bakery(t, { certificateLifetime: '20s' }, []);
  const ends = new Map<string, Set<string>>();
  const calls = load(t, orders);
  const until = Date.now() + soakMs;
  while (Date.now() < until) {
    for (const { name, proxy } of (await mesh.status()).workloads) {
      const seen = ends.get(name) ?? new Set();
      ends.set(name, seen.add(String(proxy?.certificateNotAfter?.seconds)));
    }
    await reconnect(mesh);
    await sleep(250);
  }
  await calls.stop();
  t.deepEqual(calls.failures, []);
  for (const [name, seen] of ends) t.true(seen.size > 5, `${name}: ${seen.size - 1} rotations`);
  const handshakes = await mesh.stat('catalog', `listener.${catalog.inbound.replace(':', '_')}.ssl.handshake`);
  t.true(handshakes > 5, 'new connections show new certificates');
  t.log(
    `${calls.calls()} calls over ${handshakes} connections, ${[...ends].map(([name, seen]) => `${name}: ${seen.size - 1} rotations`).join(', ')}`,
  );
  t.is(await mesh.stat('orders', 'cluster.outbound|bakery/catalog.ssl.fail_verify_san'), 0);
  t.is(await mesh.stat('orders', 'cluster.outbound|bakery/catalog.ssl.fail_verify_error'), 0);
});

test.serial(
  'the root is rotated under load and over crashes; sidecars that were there before stay and come back',
  async (t) => {
    t.timeout(180_000);
    const { mesh, orders, catalog } = await bakery(t, { certificateLifetime: '16s' }, ['--root-settle', '2s']);
    const first = (await mesh.status()).controlPlane?.root;
    t.is(first?.phase, STEADY);
    const calls = load(t, orders);

    const { root } = await mesh.api.rotateRoot({ why: 'a test', by: 'ava' }, { deadlineMs: 5000 });
    t.is(root?.phase, SPREADING);
    const again = await mesh.api.rotateRoot({}, { deadlineMs: 5000 });
    t.is(again.root?.nextFingerprint, root?.nextFingerprint);
    await mesh.stop();
    await mesh.start();
    const phase = (wanted: Root_Phase) =>
      mesh.until(`phase ${wanted}`, (status) => status.controlPlane?.root?.phase === wanted);
    t.is((await mesh.status()).controlPlane?.root?.nextFingerprint, root?.nextFingerprint);

    await phase(SIGNING);
    // The certificate of the control plane is the new root's now: who comes back has that root from its file.
    await mesh.stop();
    await mesh.start();
    await mesh.untilServing('catalog', 'orders');
    const signing = await phase(SIGNING);
    t.is(signing.controlPlane?.root?.fingerprint, root?.nextFingerprint);
    t.true((signing.controlPlane?.root?.removesAt?.seconds ?? 0n) > 0n);

    const steady = await phase(STEADY);
    t.is(steady.controlPlane?.root?.fingerprint, root?.nextFingerprint);
    t.not(steady.controlPlane?.root?.fingerprint, first?.fingerprint);
    // Everything anew: the streams, and the connections between sidecars.
    await mesh.stop();
    await mesh.start();
    await mesh.untilServing('catalog', 'orders');
    const handshakes = () => mesh.stat('catalog', `listener.${catalog.inbound.replace(':', '_')}.ssl.handshake`);
    const before = await handshakes();
    await reconnect(mesh);
    await mesh.until('there are new connections', async () => (await handshakes()) > before);
    await calls.stop();
    t.deepEqual(calls.failures, []);
    t.log(`${calls.calls()} calls`);
    for (const name of ['catalog', 'orders']) t.is(await mesh.stat(name, 'cluster.xds.ssl.fail_verify_error'), 0, name);
  },
);
