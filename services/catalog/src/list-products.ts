import type { ListProductsRequest, Product } from '@shop/catalog-contract/v1';
import { type Database, decodePageToken, encodePageToken } from '@weft/service-kit';
import { errors } from './errors.ts';
import { type ProductRow, productColumns, productOf } from './product-row.ts';

/** A page of products. */
export interface Page {
  readonly products: Product[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/** How many products a page has whose request says 0. */
export const defaultPageSize = 50;

/**
 * A page in SKU order. Pages go on after the last SKU seen, so a product that comes or goes meanwhile moves no other.
 *
 * @throws ServiceError INVALID_ARGUMENT for a category or page token that cannot be.
 */
export async function listProducts(db: Database, request: ListProductsRequest): Promise<Page> {
  const { category } = request;
  if (category !== '' && !/^[a-z][a-z-]{1,39}$/.test(category)) throw errors.category(category);
  const filter = ['list', category];
  const [after] = decodePageToken(request.pageToken, filter, ['string']) ?? [''];
  const pageSize = request.pageSize || defaultPageSize;
  const { rows } = await db.query<ProductRow>(
    `select ${productColumns} from products
     where sku > $1 and ($2 = '' or category = $2)
     order by sku limit $3`,
    [after, category, pageSize + 1],
  );
  // One more than asked for was read, only to learn whether there is a next page.
  const page = rows.slice(0, pageSize);
  const last = page.at(-1);
  return {
    products: page.map(productOf),
    nextPageToken: rows.length > pageSize && last ? encodePageToken(filter, [last.sku]) : '',
  };
}
