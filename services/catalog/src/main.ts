import '@weft/service-kit/telemetry';
import { postgres, serve } from '@weft/service-kit';
import { catalogService } from './catalog-service.ts';

const database = postgres({ schema: 'catalog', migrations: new URL('../migrations/', import.meta.url) });
await database.migrate();

await serve({
  name: 'shop.catalog',
  services: [catalogService(database)],
  checks: { database: (signal) => database.check(signal) },
});
