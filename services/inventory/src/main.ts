import '@weft/service-kit/telemetry';
import { postgres, serve } from '@weft/service-kit';
import { inventoryService } from './inventory-service.ts';

const database = postgres({ schema: 'inventory', migrations: new URL('../migrations/', import.meta.url) });

// While the database is away this serves, and says that it is not ready.
await Promise.all([
  database.migrate(),
  serve({
    name: 'shop.inventory',
    services: [inventoryService(database)],
    checks: { database: (signal) => database.check(signal) },
  }),
]);
