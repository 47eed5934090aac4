/** The application of sidecar.ts: a server of the kit whose GetProduct answers one product at once. Its address is its argument. */
import { create } from '@bufbuild/protobuf';
import { implement, serve } from '@weft/service-kit';
import { CatalogService, GetProductResponseSchema } from '@weft/test-contracts/bakery/catalog/v1/catalog';

const answer = create(GetProductResponseSchema, {
  product: { sku: 'WFT-0001', name: 'A thing', category: 'things', price: { currencyCode: 'EUR', units: 1n } },
});

await serve({
  services: [
    implement(CatalogService, {
      getProduct: () => answer,
      batchGetProducts: () => ({}),
      listProducts: () => ({}),
      searchProducts: () => ({}),
      importProducts: () => ({}),
    }),
  ],
  listen: process.argv[2] ?? '',
  drainMs: 0,
});
process.send?.('ready');
process.on('disconnect', () => process.exit(0));
