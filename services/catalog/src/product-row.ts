import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { type Product, ProductSchema } from '@shop/catalog-contract/v1';

/** A row of `products` without its words. */
export interface ProductRow {
  readonly sku: string;
  readonly name: string;
  readonly description: string;
  readonly category: string;
  readonly currency_code: string;
  readonly price_units: bigint;
  readonly price_nanos: number;
  readonly updated_at: Date;
}

/** The columns of a ProductRow, for a select. */
export const productColumns = 'sku, name, description, category, currency_code, price_units, price_nanos, updated_at';

/** A row as the contract says it. */
export function productOf(row: ProductRow): Product {
  return create(ProductSchema, {
    sku: row.sku,
    name: row.name,
    description: row.description,
    category: row.category,
    price: { currencyCode: row.currency_code, units: row.price_units, nanos: row.price_nanos },
    updatedAt: timestampFromDate(row.updated_at),
  });
}
