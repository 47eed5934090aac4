import type { Product } from '@shop/catalog-contract/v1';
import type { Database } from '@weft/service-kit';
import { errors } from './errors.ts';
import { type ProductRow, productColumns, productOf } from './product-row.ts';

/**
 * Products in the order of `skus`.
 *
 * @throws ServiceError NOT_FOUND that names every unknown SKU.
 */
export async function getProducts(db: Database, skus: readonly string[]): Promise<Product[]> {
  const { rows } = await db.query<ProductRow>(`select ${productColumns} from products where sku = any($1)`, [skus]);
  const bySku = new Map(rows.map((row) => [row.sku, productOf(row)]));
  const unknown = skus.filter((sku) => !bySku.has(sku));
  if (unknown.length > 0) throw errors.productNotFound(unknown);
  return skus.flatMap((sku) => bySku.get(sku) ?? []);
}
