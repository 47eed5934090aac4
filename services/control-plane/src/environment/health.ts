import { once } from 'node:events';
import { createServer } from 'node:http';
import type { SocketAddress } from '@weft/compiler/model/workload';

/** What the kubelet asks of the control plane's own pod. */
export interface Health {
  readonly port: number;
  setReady(ready: boolean): void;
  close(): Promise<void>;
}

/**
 * Serves GET /healthz (200 while the process can answer at all) and GET /readyz (200 while proxies should come here, else 503);
 * nothing else.
 */
export async function serveHealth(listen: SocketAddress): Promise<Health> {
  let ready = false;
  const server = createServer((request, response) => {
    const path = request.method === 'GET' ? request.url : undefined;
    const status = path === '/healthz' || (path === '/readyz' && ready) ? 200 : path === '/readyz' ? 503 : 404;
    response.writeHead(status, { 'content-type': 'text/plain' }).end(status === 200 ? 'ok\n' : 'no\n');
  });
  server.listen(listen.port, listen.host);
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    setReady(now) {
      ready = now;
    },
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
