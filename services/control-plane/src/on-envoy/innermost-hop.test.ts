import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt';
import { Code } from '@connectrpc/connect';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { withPolicy } from '@weft/compiler/testing/edit-contract';
import { descriptorSet, MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import { tinyContract, tinyPath } from '@weft/compiler/testing/tiny-contract';
import { client, implement, repeatable as mayRunAgain, type Server, ServiceError, serve } from '@weft/service-kit';
import { CatalogService } from '@weft/test-contracts/bakery/catalog/v1/catalog';
import { InventoryService } from '@weft/test-contracts/bakery/inventory/v1/inventory';
import { PaymentService } from '@weft/test-contracts/bakery/payments/v1/payments';
import anyTest, { type TestFn } from 'ava';
import { freePorts } from './testing/free-ports.ts';
import { behaviours, type RawApplication, startRawApplication, trailersOnly } from './testing/raw-application.ts';
import { RawCaller } from './testing/raw-call.ts';
import { type RunningMesh, runMesh } from './testing/running-mesh.ts';

// Three hops deep, every method may be repeated, and the last service fails: only the hop before it repeats. Once through services
// of the kit (catalog, inventory), once through applications that know nothing of Weft (front, middle).

interface Context {
  readonly mesh: RunningMesh;
  readonly leaf: RawApplication;
  readonly raw: { readonly front: RawApplication; readonly middle: RawApplication };
  readonly servers: Server[];
  readonly callers: RawCaller[];
  /** Calls at the services of the kit. */
  readonly seen: Record<'catalog' | 'inventory', number>;
  readonly kit: { inventory: 'passes on' | 'words it anew' | 'fails by itself' };
  readonly outbound: string;
}

const test = anyTest as TestFn<Context>;
const orderId = '0190a5f4-3c5e-7c5e-8c5e-0190a5f43c5e';
const capture = '/bakery.payments.v1.PaymentService/Capture';
const retry = { baseBackoff: { nanos: 1_000_000 } };
const repeatable = (caller: string) => ({
  Call: { level: Level.IDEMPOTENT, policy: { callers: { names: [caller] }, retry } },
});
const sets = {
  driver: tinyContract('bakery.driver', { Call: {} }),
  catalog: withPolicy(descriptorSet('bakery.catalog'), 'GetProduct', { callers: { names: ['bakery.driver'] } }),
  inventory: withPolicy(descriptorSet('bakery.inventory'), 'GetStock', { callers: { names: ['bakery.catalog'] } }),
  payments: withPolicy(descriptorSet('bakery.payments'), 'Capture', {
    callers: { names: ['bakery.inventory', 'bakery.middle'] },
    retry,
  }),
  front: tinyContract('bakery.front', repeatable('bakery.driver')),
  middle: tinyContract('bakery.middle', repeatable('bakery.front')),
};

test.before(async (t) => {
  const mesh = await runMesh();
  // At once, so that it ends also when what follows fails.
  Object.assign(t.context, { mesh });
  const names = Object.keys(sets) as (keyof typeof sets)[];
  const ports = await freePorts(2 * names.length);
  const outbound: Partial<Record<string, string>> = {};
  const directory = new MeshDirectory();
  names.forEach((name, index) => {
    outbound[name] = `127.0.0.1:${ports[2 * index]}`;
    directory
      .contract('bakery', name, sets[name])
      .service(name)
      .replica(`${name}-0`, {
        contract: contractHash(sets[name]),
        inbound: `127.0.0.1:${ports[2 * index + 1]}`,
        application: `unix:${mesh.dir}/${name}`,
        outbound: `127.0.0.1:${ports[2 * index]}`,
      });
  });
  const of = (name: string) => ({ outbound: outbound[name] ?? '' });
  const seen = { catalog: 0, inventory: 0 };
  const kit: Context['kit'] = { inventory: 'passes on' };
  const inventory = client(InventoryService, of('catalog'));
  const payments = client(PaymentService, of('inventory'));
  const servers = await Promise.all([
    serve({
      name: 'bakery.catalog',
      listen: `unix:${mesh.dir}/catalog`,
      drainMs: 0,
      services: [
        implement(CatalogService, {
          async getProduct({ sku }) {
            seen.catalog++;
            await inventory.getStock({ sku });
            return {};
          },
          batchGetProducts: () => ({}),
          listProducts: () => ({}),
          searchProducts: () => ({}),
          importProducts: () => ({}),
        }),
      ],
    }),
    serve({
      name: 'bakery.inventory',
      listen: `unix:${mesh.dir}/inventory`,
      drainMs: 0,
      services: [
        implement(InventoryService, {
          async getStock() {
            seen.inventory++;
            if (kit.inventory === 'fails by itself') throw new ServiceError(Code.Unavailable, 'no shelf');
            try {
              await payments.capture({ orderId });
            } catch (cause) {
              if (kit.inventory === 'passes on') throw cause;
              throw new ServiceError(Code.Unavailable, 'who pays?', { cause });
            }
            return {};
          },
          reserve: mayRunAgain(() => ({})),
          release: () => ({}),
          commit: () => ({}),
        }),
      ],
    }),
  ]);
  const leaf = await startRawApplication(`${mesh.dir}/payments`, behaviours.unavailable);
  const callers: RawCaller[] = [];
  /** Calls on and answers with the status that it got, as most applications do. */
  const passOn = (name: string, authority: string, path: string) => {
    const caller = new RawCaller(outbound[name] ?? '');
    callers.push(caller);
    return startRawApplication(`${mesh.dir}/${name}`, (stream, headers) => {
      stream.resume();
      void caller
        .call({ authority, path })
        .then(({ grpcStatus = '2', grpcMessage = '' }) =>
          trailersOnly(grpcStatus, { 'grpc-message': grpcMessage })(stream, headers),
        );
    });
  };
  const raw = {
    front: await passOn('front', 'bakery.middle', tinyPath('bakery.middle', 'Call')),
    middle: await passOn('middle', 'bakery.payments', capture),
  };
  Object.assign(t.context, { leaf, raw, servers, callers });
  await mesh.update(directory);
  for (const name of names) await mesh.startProxy(`bakery/${name}-0`);
  Object.assign(t.context, { mesh, leaf, raw, servers, callers, seen, kit, outbound: outbound.driver });
});

test.after.always(async (t) => {
  for (const caller of t.context.callers ?? []) caller.close();
  await Promise.all((t.context.servers ?? []).map((server) => server.close()));
  const { leaf, raw } = t.context;
  for (const application of [leaf, raw?.front, raw?.middle]) await application?.away();
  await t.context.mesh?.stop();
});

test.beforeEach((t) => {
  for (const application of [t.context.leaf, t.context.raw.front, t.context.raw.middle]) application.seen.length = 0;
  Object.assign(t.context.seen, { catalog: 0, inventory: 0 });
  t.context.kit.inventory = 'passes on';
});

const product = { sku: 'WFT-0001' };

test.serial('services of the kit: a failing leaf sees 1 + its retries, however deep the call', async (t) => {
  const catalog = client(CatalogService, { outbound: t.context.outbound });
  for (const how of ['passes on', 'words it anew'] as const) {
    t.context.kit.inventory = how;
    t.context.leaf.seen.length = 0;
    Object.assign(t.context.seen, { catalog: 0, inventory: 0 });
    const error = await t.throwsAsync(catalog.getProduct(product));
    t.like(error, { code: Code.Unavailable });
    t.deepEqual([t.context.seen, t.context.leaf.seen.length], [{ catalog: 1, inventory: 1 }, 3], how);
  }
});

test.serial('services of the kit: what fails by itself is the innermost hop, and is tried again', async (t) => {
  t.context.kit.inventory = 'fails by itself';
  await t.throwsAsync(client(CatalogService, { outbound: t.context.outbound }).getProduct(product));
  t.deepEqual(t.context.seen, { catalog: 1, inventory: 3 });
});

const fromDriver = async (t: { context: Context }) => {
  const caller = new RawCaller(t.context.outbound);
  const answer = await caller.call({ authority: 'bakery.front', path: tinyPath('bakery.front', 'Call') });
  caller.close();
  return answer;
};

test.serial('any application: a failing leaf sees 1 + its retries, however deep the call', async (t) => {
  const answer = await fromDriver(t);
  t.is(answer.grpcStatus, '14');
  const { front, middle } = t.context.raw;
  t.deepEqual([front.seen.length, middle.seen.length, t.context.leaf.seen.length], [1, 1, 3]);
});

test.serial('what sidecars say to one another does not reach applications', async (t) => {
  const { headers } = await fromDriver(t);
  t.deepEqual(
    Object.keys(headers).filter((name) => name.startsWith('x-weft')),
    [],
  );
});
