import '@weft/service-kit/telemetry';
import { postgres, serve } from '@weft/service-kit';
import { paymentService } from './payment-service.ts';
import { simulatedBank } from './simulated-bank.ts';

const database = postgres({ schema: 'payments', migrations: new URL('../migrations/', import.meta.url) });
await database.migrate();

await serve({
  name: 'shop.payments',
  services: [paymentService(database, simulatedBank(database))],
  checks: { database: (signal) => database.check(signal) },
});
