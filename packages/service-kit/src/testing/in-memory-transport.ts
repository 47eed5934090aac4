import { createRouterTransport, type Transport } from '@connectrpc/connect';
import { connectHandlers } from '../connect-path.ts';
import { defaultLimits } from '../grpc/limits.ts';
import type { ServiceImplementation } from '../implement.ts';
import { messageTypes } from '../message-types.ts';

/**
 * Calls these services in memory, by the code that answers Connect on a server: requests are encoded, checked against their rules and
 * handled within a call, deadlines hold, and an error is what a caller may see of it.
 */
export function inMemoryTransport(services: readonly ServiceImplementation[]): Transport {
  return createRouterTransport(
    (router) => {
      for (const { service, methods } of services) router.service(service, connectHandlers(methods, defaultLimits));
    },
    { router: { jsonOptions: { registry: messageTypes(services.map(({ service }) => service.file)) } } },
  );
}
