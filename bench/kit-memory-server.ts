/**
 * One of the servers of kit-memory.ts, by its name in the arguments: "kit", a service of the kit, or "http2", the same answers by a bare
 * node:http2 server. It says its port, and answers each message with what it holds, in bytes.
 */
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';

/** `process.memoryUsage()` after a collection, at moments of the start and now. */
export interface HeldMemory {
  /** Before anything of the server was imported. */
  readonly node: NodeJS.MemoryUsage;
  /** With all modules, before anything was served. */
  readonly modules: NodeJS.MemoryUsage;
  readonly now: NodeJS.MemoryUsage;
}

const node = held();
const servers: Record<string, () => Promise<() => Promise<number>>> = {
  async kit() {
    const { implement, repeatable, serve } = await import('@weft/service-kit');
    const contract = await import('@shop/orders-contract/v1');
    return async () => {
      const handlers = implement(contract.OrderService, {
        getOrder: () => ({}),
        placeOrder: repeatable(() => ({})),
        listOrders: () => ({}),
        async *watchOrder(_, { signal }) {
          yield {};
          await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        },
      });
      const server = await serve({ services: [handlers], listen: '127.0.0.1:0', drainMs: 0 });
      return Number(server.address.split(':')[1]);
    };
  },
  async http2() {
    return async () => {
      const server = createServer();
      server.on('stream', (stream) => {
        stream.on('error', () => {}).resume();
        stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' });
        stream.write(Buffer.alloc(5));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return (server.address() as AddressInfo).port;
    };
  },
};

const make = servers[process.argv[2] ?? ''];
if (make === undefined) throw new Error(`kit-memory: no server ${process.argv[2]}; expected kit or http2`);
const start = await make();
const modules = held();
const port = await start();
process.on('message', () => process.send?.({ node, modules, now: held() } satisfies HeldMemory));
process.on('disconnect', () => process.exit(0));
process.send?.(port);

function held(): NodeJS.MemoryUsage {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage();
}
