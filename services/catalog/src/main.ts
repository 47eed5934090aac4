import '@weft/service-kit/telemetry';
import { postgres, serve } from '@weft/service-kit';
import { catalogService } from './catalog-service.ts';

const database = postgres({ schema: 'catalog', migrations: new URL('../migrations/', import.meta.url) });

// While the database is away this serves, and says that it is not ready.
await Promise.all([
  database.migrate(),
  serve({
    name: 'shop.catalog',
    services: [catalogService(database)],
    checks: { database: (signal) => database.check(signal) },
  }),
]);
