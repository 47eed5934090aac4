/**
 * What a service of the kit holds in memory at rest and for each 1,000 held streams, and what that is made of, against a bare node:http2
 * server that holds the same streams. Every figure is after a collection of garbage.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { OrderService, WatchOrderRequestSchema } from '@shop/orders-contract/v1';
import { frameMessage } from '@weft/service-kit/grpc';
import { Cleanup } from './cleanup.ts';
import type { HeldMemory } from './kit-memory-server.ts';

const streams = 1000;
const request = create(WatchOrderRequestSchema, { orderId: '0199c1f0-7f2e-7000-8000-000000000001' });
const body = frameMessage(toBinary(WatchOrderRequestSchema, request));
const cleanup = new Cleanup();

try {
  const kit = await measure('kit');
  const bare = await measure('http2');
  console.log(`ratio kit-memory/http2-rest ${(kit.rest / bare.rest).toFixed(2)}`);
  console.log(`ratio kit-memory/http2-streams ${(kit.held / bare.held).toFixed(2)}`);
} finally {
  await cleanup.run();
}

async function measure(name: string): Promise<{ readonly rest: number; readonly held: number }> {
  const env = { ...process.env, LOG_LEVEL: 'silent' };
  const child = fork(new URL('./kit-memory-server.ts', import.meta.url), [name], { env, execArgv: ['--expose-gc'] });
  cleanup.teardown(() => child.disconnect());
  const [port] = await once(child, 'message');
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  cleanup.teardown(() => session.destroy());
  // Everything has been compiled and made once before it is measured.
  await hold(session, 1);
  const { node, modules, now: rest } = await ask(child);
  await hold(session, streams);
  const { now: full } = await ask(child);
  const heap = ({ heapUsed, external }: NodeJS.MemoryUsage) => heapUsed + external;
  const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
  console.log(
    `${name.padEnd(6)} at rest: ${megabytes(rest.rss)} MiB resident, ${megabytes(heap(rest))} of them used by objects and buffers`,
  );
  console.log(
    `       of that: Node ${megabytes(node.rss)}, modules ${megabytes(modules.rss - node.rss)}, serving ${megabytes(rest.rss - modules.rss)}`,
  );
  console.log(
    `       ${streams} held streams: ${megabytes(full.rss - rest.rss)} MiB resident, ${megabytes(heap(full) - heap(rest))} used: ${((heap(full) - heap(rest)) / streams / 1024).toFixed(1)} KiB each`,
  );
  return { rest: rest.rss, held: heap(full) - heap(rest) };
}

/** Opens streams, and resolves when each has its first message. */
async function hold(session: ClientHttp2Session, count: number): Promise<void> {
  const path = `/${OrderService.typeName}/WatchOrder`;
  await Promise.all(
    Array.from({ length: count }, async () => {
      const headers = { 'content-type': 'application/grpc+proto', te: 'trailers', ':path': path, ':method': 'POST' };
      const stream = session.request(headers);
      stream.on('error', () => {});
      stream.end(body);
      await once(stream, 'data');
    }),
  );
}

async function ask(child: ChildProcess): Promise<HeldMemory> {
  child.send('held');
  const [found] = await once(child, 'message');
  return found;
}
