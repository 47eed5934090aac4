import type { SearchProductsRequest } from '@shop/catalog-contract/v1';
import { type Database, decodePageToken, encodePageToken } from '@weft/service-kit';
import { errors } from './errors.ts';
import { defaultPageSize, type Page } from './list-products.ts';
import { type ProductRow, productColumns, productOf } from './product-row.ts';
import { tsqueryOf } from './search-words.ts';

/**
 * A page of products that have all the words, best first; words in the name count for more than those in the description.
 * Equal ones come in SKU order, and pages go on after the last one seen.
 *
 * @throws ServiceError INVALID_ARGUMENT for a query without a word or a page token of another query.
 */
export async function searchProducts(db: Database, request: SearchProductsRequest): Promise<Page> {
  const tsquery = tsqueryOf(request.query);
  if (tsquery === undefined) throw errors.noWord(request.query);
  const filter = ['search', tsquery];
  const [rank, sku] = decodePageToken(request.pageToken, filter, ['number', 'string']) ?? [null, null];
  const pageSize = request.pageSize || defaultPageSize;
  const { rows } = await db.query<ProductRow & { readonly rank: number }>(
    `select * from (
       select ${productColumns}, ts_rank(words, query) as rank
       from products, to_tsquery('pg_catalog.simple', $1) as query
       where words @@ query
     ) as found
     where $2::float4 is null or rank < $2 or rank = $2 and sku > $3
     order by rank desc, sku limit $4`,
    [tsquery, rank, sku, pageSize + 1],
  );
  const page = rows.slice(0, pageSize);
  const last = page.at(-1);
  return {
    products: page.map(productOf),
    nextPageToken: rows.length > pageSize && last ? encodePageToken(filter, [last.rank, last.sku]) : '',
  };
}
