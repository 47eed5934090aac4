import type { ImportProductsRequest, Product } from '@shop/catalog-contract/v1';
import type { Database, Transaction } from '@weft/service-kit';
import { errors } from './errors.ts';

/** What an import did. */
export interface ImportResult {
  readonly created: number;
  readonly updated: number;
}

/** The most products that one import may have. */
export const maxImportProducts = 100_000;

const batchSize = 500;

/** Any number, as long as nothing else in this schema takes it. */
const importLock = 7_341_001;

/**
 * Adds or replaces products as they stream in, all in one transaction: a stream that is aborted or has a product that
 * cannot be leaves nothing behind. One import at a time, so that two that share products never wait for each other.
 *
 * @throws ServiceError INVALID_ARGUMENT for a product that cannot be or comes twice, RESOURCE_EXHAUSTED beyond
 * `maxImportProducts`, ABORTED while another import is under way.
 */
export async function importProducts(
  db: Database,
  requests: AsyncIterable<ImportProductsRequest>,
): Promise<ImportResult> {
  return await db.transaction(async (tx) => {
    // A transaction may be run again after a failure, but a stream cannot be read again.
    if (tx.retried) throw errors.importInterrupted();
    const lock = await tx.query<{ taken: boolean }>('select pg_try_advisory_xact_lock($1) as taken', [importLock]);
    if (lock.rows[0]?.taken !== true) throw errors.importUnderWay();

    const seen = new Set<string>();
    let batch: Product[] = [];
    let result: ImportResult = { created: 0, updated: 0 };
    for await (const { product } of requests) {
      if (product === undefined) continue;
      check(product);
      if (seen.has(product.sku)) throw errors.importedTwice(product.sku);
      if (seen.size === maxImportProducts) throw errors.importTooLong(maxImportProducts);
      seen.add(product.sku);
      batch.push(product);
      if (batch.length === batchSize) {
        result = sum(result, await store(tx, batch));
        batch = [];
      }
    }
    return sum(result, await store(tx, batch));
  });
}

// Beyond what the contract's own validation says.
function check(product: Product): void {
  const { sku, price } = product;
  if (price === undefined || price.units < 0n || price.nanos < 0 || (price.units === 0n && price.nanos === 0)) {
    throw errors.price(sku, `${price?.units ?? 0n} and ${price?.nanos ?? 0} nanos`);
  }
  for (const field of ['name', 'description'] as const) {
    // PostgreSQL cannot store it.
    if (product[field].includes('\0')) throw errors.text(sku, field);
  }
}

async function store(tx: Transaction, products: readonly Product[]): Promise<ImportResult> {
  if (products.length === 0) return { created: 0, updated: 0 };
  const { rows } = await tx.query<{ created: number; updated: number }>(
    `with stored as (
       insert into products (sku, name, description, category, currency_code, price_units, price_nanos)
       select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::integer[])
       on conflict (sku) do update set
         name = excluded.name, description = excluded.description, category = excluded.category,
         currency_code = excluded.currency_code, price_units = excluded.price_units, price_nanos = excluded.price_nanos,
         updated_at = now()
       where (products.name, products.description, products.category, products.currency_code,
              products.price_units, products.price_nanos)
         is distinct from (excluded.name, excluded.description, excluded.category, excluded.currency_code,
              excluded.price_units, excluded.price_nanos)
       -- xmax is 0 in a row that was inserted: nobody has locked or replaced an older version of it.
       returning xmax = 0 as created
     )
     select count(*) filter (where created)::integer as created, count(*) filter (where not created)::integer as updated
     from stored`,
    [
      products.map((product) => product.sku),
      products.map((product) => product.name),
      products.map((product) => product.description),
      products.map((product) => product.category),
      products.map((product) => product.price?.currencyCode),
      products.map((product) => product.price?.units),
      products.map((product) => product.price?.nanos),
    ],
  );
  return rows[0] ?? { created: 0, updated: 0 };
}

function sum(a: ImportResult, b: ImportResult): ImportResult {
  return { created: a.created + b.created, updated: a.updated + b.updated };
}
