import { connect } from 'node:net';
import { type Client, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { MeshService } from '@weft/api/weft/api/v1/mesh';

/** The control plane's API behind a unix socket. Calls end after `timeoutMs` (default 5 s). */
export function meshClient(socketPath: string, timeoutMs = 5_000): Client<typeof MeshService> {
  const nodeOptions = { createConnection: () => connect(socketPath) };
  // The connection is not kept alive: a command exits when it has its answer.
  const transport = createGrpcTransport({
    baseUrl: 'http://localhost',
    nodeOptions,
    defaultTimeoutMs: timeoutMs,
    idleConnectionTimeoutMs: 100,
  });
  return createClient(MeshService, transport);
}
