import '@weft/service-kit/telemetry';
import { postgres, serve } from '@weft/service-kit';
import { paymentService } from './payment-service.ts';
import { simulatedBank } from './simulated-bank.ts';

const database = postgres({ schema: 'payments', migrations: new URL('../migrations/', import.meta.url) });

// While the database is away this serves, and says that it is not ready.
await Promise.all([
  database.migrate(),
  serve({
    name: 'shop.payments',
    services: [paymentService(database, simulatedBank(database))],
    checks: { database: (signal) => database.check(signal) },
  }),
]);
