import '@weft/service-kit/telemetry';
import { CatalogService } from '@weft/contracts/shop/catalog/v1/catalog';
import { InventoryService } from '@weft/contracts/shop/inventory/v1/inventory';
import { PaymentService } from '@weft/contracts/shop/payments/v1/payments';
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
