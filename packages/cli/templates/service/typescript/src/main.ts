import '@weft/service-kit/telemetry';
{{#calls}}
import { __Callee_import__ } from '__callee_package__';
{{/calls}}
import { {{#calls}}client, {{/calls}}{{#database}}postgres, {{/database}}serve } from '@weft/service-kit';
import { __camel__Service } from './__service__-service.ts';

{{#database}}
const database = postgres({ schema: '__schema__', migrations: new URL('../migrations/', import.meta.url) });

// While the database is down, this process serves but reports that it is not ready.
await Promise.all([
  database.migrate(),
  serve({
    name: '__logical__',
    services: [__camel__Service(database{{#calls}}, { __callee__: client(__Callee__) }{{/calls}})],
    checks: { database: (signal) => database.check(signal) },
  }),
]);
{{/database}}
{{^database}}
await serve({ name: '__logical__', services: [__camel__Service({{#calls}}{ __callee__: client(__Callee__) }{{/calls}})] });
{{/database}}
