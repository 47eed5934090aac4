import '@weft/service-kit/telemetry';
import { OvenService } from '@__project__/oven-contract/v1';
import { client, postgres, serve } from '@weft/service-kit';
import { breadService } from './bread-service.ts';

const database = postgres({ schema: 'bread', migrations: new URL('../migrations/', import.meta.url) });

// While the database is down, this process serves but reports that it is not ready.
await Promise.all([
  database.migrate(),
  serve({
    name: '__package__.bread',
    services: [breadService(database, { oven: client(OvenService) })],
    checks: { database: (signal) => database.check(signal) },
  }),
]);
