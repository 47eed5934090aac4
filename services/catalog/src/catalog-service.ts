import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { CatalogService } from '@shop/catalog-contract/v1';
import { type Database, implement, type ServiceImplementation } from '@weft/service-kit';
import { getProducts } from './get-products.ts';
import { importProducts } from './import-products.ts';
import { listProducts } from './list-products.ts';
import { searchProducts } from './search-products.ts';

/** shop.catalog.v1.CatalogService on the products of `db`. */
export function catalogService(db: Database): ServiceImplementation {
  return implement(CatalogService, {
    async getProduct(request) {
      const [product] = await getProducts(db, [request.sku]);
      return product ? { product } : {};
    },
    async batchGetProducts(request) {
      return { products: await getProducts(db, request.skus) };
    },
    async listProducts(request) {
      return await listProducts(db, request);
    },
    async searchProducts(request) {
      return await searchProducts(db, request);
    },
    async importProducts(requests, call) {
      const begunMs = performance.now();
      const { created, updated } = await importProducts(db, requests);
      call.log.info({ created, updated }, 'products imported');
      return {
        created: BigInt(created),
        updated: BigInt(updated),
        elapsed: durationFromMs(Math.round(performance.now() - begunMs)),
      };
    },
  });
}
