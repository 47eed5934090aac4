import '@weft/service-kit/telemetry';
import { CatalogService } from '@shop/catalog-contract/v1';
import { InventoryService } from '@shop/inventory-contract/v1';
import { PaymentService } from '@shop/payments-contract/v1';
import { client, onShutdown, postgres, serve } from '@weft/service-kit';
import { startOrders } from './orders.ts';

const database = postgres({ schema: 'orders', migrations: new URL('../migrations/', import.meta.url) });
// First, so that all statements wait for it. While the database is away orders serves, and says that it is not ready.
const migrated = database.migrate();

const orders = startOrders({
  db: database,
  callees: {
    catalog: client(CatalogService),
    inventory: client(InventoryService),
    payments: client(PaymentService),
  },
});
onShutdown(async () => {
  await orders.stop();
  await database.close();
});

await Promise.all([
  migrated,
  serve({
    name: 'shop.orders',
    services: [orders.service],
    checks: { database: (signal) => database.check(signal) },
  }),
]);
