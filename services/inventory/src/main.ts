import '@weft/service-kit/telemetry';
import { postgres, serve } from '@weft/service-kit';
import { inventoryService } from './inventory-service.ts';

const database = postgres({ schema: 'inventory', migrations: new URL('../migrations/', import.meta.url) });
await database.migrate();

await serve({
  name: 'shop.inventory',
  services: [inventoryService(database)],
  checks: { database: (signal) => database.check(signal) },
});
