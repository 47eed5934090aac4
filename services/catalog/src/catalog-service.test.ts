import { setTimeout as delay } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { CatalogService, ImportProductsRequestSchema, ProductSchema } from '@shop/catalog-contract/v1';
import { ErrorInfoSchema } from '@weft/policy/google/rpc/error_details';
import { client, type Server, serve } from '@weft/service-kit';
import { startTestDatabase, type TestDatabase } from '@weft/service-kit/testing';
import ava, { type TestFn } from 'ava';
import { catalogService } from './catalog-service.ts';

const test = ava as TestFn<{ database: TestDatabase; server: Server; catalog: ReturnType<typeof connect> }>;

function connect(server: Server) {
  return client(CatalogService, { outbound: server.address });
}

test.before(async (t) => {
  const database = await startTestDatabase({
    schema: 'catalog',
    migrations: new URL('../migrations/', import.meta.url),
  });
  const server = await serve({ services: [catalogService(database.db)], listen: '127.0.0.1:0', drainMs: 0 });
  t.context = { database, server, catalog: connect(server) };
});

test.after.always(async (t) => {
  await t.context.server?.close();
  await t.context.database?.remove();
});

test.serial('the seed has at least 500 products that differ, in several categories, most of them in EUR', async (t) => {
  const { rows } = await t.context.database.db.query<{
    products: bigint;
    names: bigint;
    categories: bigint;
    eur: bigint;
  }>(
    `select count(*) as products, count(distinct name) as names, count(distinct category) as categories,
            count(*) filter (where currency_code = 'EUR') as eur
     from products`,
  );
  const [seed] = rows;
  t.deepEqual({ ...seed }, { products: 520n, names: 520n, categories: 10n, eur: 468n });
  const { product } = await t.context.catalog.getProduct({ sku: 'WFT-0500' });
  t.is(product?.price?.currencyCode, 'EUR');
});

test.serial('products come in the order asked for', async (t) => {
  const skus = ['WFT-0300', 'WFT-0001', 'WFT-0520'];
  const { products } = await t.context.catalog.batchGetProducts({ skus });
  t.deepEqual(
    products.map((product) => product.sku),
    skus,
  );
});

test.serial('every unknown SKU is named', async (t) => {
  const { catalog } = t.context;
  const error = await t.throwsAsync(catalog.batchGetProducts({ skus: ['WFT-9998', 'WFT-0001', 'WFT-9999'] }), {
    instanceOf: ConnectError,
    message: /WFT-9998, WFT-9999/,
  });
  t.is(error?.code, Code.NotFound);
  t.is(error?.findDetails(ErrorInfoSchema)[0]?.metadata.skus, 'WFT-9998,WFT-9999');
  t.is(await codeOf(catalog.getProduct({ sku: 'WFT-9999' })), Code.NotFound);
});

test.serial('pages have each of the 520 products once and in order, also while others are added', async (t) => {
  const { catalog } = t.context;
  const skus: string[] = [];
  let pageToken = '';
  do {
    const page = await catalog.listProducts({ pageSize: 37, pageToken });
    skus.push(...page.products.map((product) => product.sku));
    pageToken = page.nextPageToken;
    // Before what was read already: an offset would now show a product twice.
    if (skus.length === 37) await catalog.importProducts(stream([{ sku: 'AAA-0001' }]));
  } while (pageToken !== '');
  t.deepEqual(
    skus,
    Array.from({ length: 520 }, (_, n) => `WFT-${String(n + 1).padStart(4, '0')}`),
  );
});

test.serial('a page has 50 products by default, and a category only its own', async (t) => {
  const { catalog } = t.context;
  const first = await catalog.listProducts({ category: 'garden' });
  t.is(first.products.length, 50);
  const second = await catalog.listProducts({ category: 'garden', pageToken: first.nextPageToken });
  t.is(second.products.length, 2);
  t.is(second.nextPageToken, '');
  t.true([...first.products, ...second.products].every((product) => product.category === 'garden'));
  t.is(
    await codeOf(catalog.listProducts({ category: 'kitchen', pageToken: first.nextPageToken })),
    Code.InvalidArgument,
  );
  t.is(await codeOf(catalog.listProducts({ category: "k'; --" })), Code.InvalidArgument);
  t.is(await codeOf(catalog.listProducts({ pageToken: 'x' })), Code.InvalidArgument);
});

test.serial('a search finds whole words and the beginning of the last, names first', async (t) => {
  const { catalog } = t.context;
  const { products } = await catalog.searchProducts({ query: 'OAK tea', pageSize: 200 });
  t.true(products.length > 0);
  for (const { name, description } of products) {
    const words = `${name} ${description}`.toLowerCase().split(/[^a-z]+/);
    t.true(words.includes('oak') && words.some((word) => word.startsWith('tea')), `${name}: ${description}`);
  }
  t.deepEqual((await catalog.searchProducts({ query: 'teapo oak' })).products, []);
});

test.serial('pages of a search have each product once, best first', async (t) => {
  const { catalog } = t.context;
  const whole = await catalog.searchProducts({ query: 'made', pageSize: 200 });
  t.is(whole.products.length, 200);
  const names: string[] = [];
  let pageToken = '';
  do {
    const page = await catalog.searchProducts({ query: 'made', pageSize: 73, pageToken });
    names.push(...page.products.map((product) => product.sku));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  t.true(names.length >= 520);
  t.is(new Set(names).size, names.length);
  t.deepEqual(
    names.slice(0, 200),
    whole.products.map((product) => product.sku),
  );
  t.is(await codeOf(catalog.searchProducts({ query: 'other', pageToken: whole.nextPageToken })), Code.InvalidArgument);
});

test.serial('SQL in a query is words', async (t) => {
  const { catalog } = t.context;
  for (const query of ["'; drop table products; --", "teapot' or '1'='1", 'x\0y']) {
    t.deepEqual((await catalog.searchProducts({ query })).products, [], query);
  }
  const operators = await catalog.searchProducts({ query: "oak:*|!b'&('" });
  t.deepEqual(operators, await catalog.searchProducts({ query: 'oak b' }));
  t.is(await codeOf(catalog.searchProducts({ query: "';--" })), Code.InvalidArgument);
  t.is((await catalog.listProducts({})).products.length, 50);
});

test.serial('an import counts what was new and what differs', async (t) => {
  const { catalog } = t.context;
  const skus = Array.from({ length: 1_200 }, (_, n) => ({ sku: `IMP-${String(n).padStart(4, '0')}` }));
  const first = await catalog.importProducts(stream(skus));
  t.deepEqual([first.created, first.updated], [1_200n, 0n]);
  const again = await catalog.importProducts(
    stream([{ sku: 'IMP-0000' }, { sku: 'IMP-0001', name: 'Another' }, { sku: 'IMP-9999' }]),
  );
  t.deepEqual([again.created, again.updated], [1n, 1n]);
  t.is((await catalog.getProduct({ sku: 'IMP-0001' })).product?.name, 'Another');
});

test.serial('an import with a product that cannot be leaves nothing behind', async (t) => {
  const { catalog } = t.context;
  const good = Array.from({ length: 600 }, (_, n) => ({ sku: `BAD-${String(n).padStart(4, '0')}` }));
  const bad: Imported[] = [
    { sku: 'nonsense' },
    { sku: 'BAD-0000' },
    { sku: 'BAD-9999', price: { currencyCode: 'EUR' } },
    { sku: 'BAD-9999', price: { currencyCode: 'EUR', units: -1n } },
    { sku: 'BAD-9999', name: 'a\0b' },
  ];
  for (const product of bad) {
    t.is(await codeOf(catalog.importProducts(stream([...good, product]))), Code.InvalidArgument, String(product.sku));
  }
  t.is(await codeOf(catalog.getProduct({ sku: 'BAD-0000' })), Code.NotFound);
});

test.serial('an import that its client gives up leaves nothing behind and lets the next one in', async (t) => {
  const { catalog, database } = t.context;
  const abort = new AbortController();
  const goOn = Promise.withResolvers<void>();
  async function* endless() {
    for (let n = 0; n < 501; n++) yield message({ sku: `CUT-${String(n).padStart(4, '0')}` });
    await goOn.promise;
  }
  const importing = codeOf(catalog.importProducts(endless(), { signal: abort.signal }));
  // The first batch is written, but not committed: its statement has run on a connection that is in a transaction.
  await until(async () => {
    const { rows } = await database.db.query(
      `select from pg_stat_activity where state = 'idle in transaction' and query like '%insert into products%'`,
    );
    return rows.length > 0;
  });
  t.is(await codeOf(catalog.importProducts(stream([{ sku: 'CUT-9999' }]))), Code.Aborted);
  abort.abort();
  goOn.resolve();
  t.is(await importing, Code.Canceled);
  await until(async () => (await codeOf(catalog.importProducts(stream([{ sku: 'CUT-9999' }])))) === undefined);
  t.is(await codeOf(catalog.getProduct({ sku: 'CUT-0000' })), Code.NotFound);
});

interface Imported {
  readonly sku: string;
  readonly name?: string;
  readonly price?: { readonly currencyCode: string; readonly units?: bigint };
}

async function* stream(products: readonly Imported[]) {
  for (const product of products) yield message(product);
}

function message(product: Imported) {
  const defaults = { name: 'Thing', category: 'imported', price: { currencyCode: 'EUR', units: 3n } };
  return create(ImportProductsRequestSchema, { product: create(ProductSchema, { ...defaults, ...product }) });
}

async function codeOf(call: Promise<unknown>): Promise<Code | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return ConnectError.from(error).code;
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(10);
}
