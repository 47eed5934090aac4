import { execFile } from 'node:child_process';
import { createServer, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { create, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { GetOrderResponseSchema, OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import test, { type ExecutionContext } from 'ava';
import { frameMessage } from '../grpc/frame.ts';
import { client } from '../index.ts';
import { orderId } from '../order-server.fixture.ts';
import { answerWith, head, oddServer } from './odd-server.fixture.ts';

const good = frameMessage(toBinary(GetOrderResponseSchema, create(GetOrderResponseSchema, { order: { orderId } })));

/** A peer that accepts connections and says nothing. */
async function silentPeer(t: ExecutionContext): Promise<{ address: string; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return { address: `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`, sockets };
}

test('deadlines and cancellations hold while a connection is opened', async (t) => {
  const peer = await silentPeer(t);
  const c = client(OrderService, { outbound: peer.address });
  const late = await t.throwsAsync(c.getOrder({ orderId }, { deadlineMs: 20 }), { instanceOf: ConnectError });
  t.is(late?.code, Code.DeadlineExceeded);
  const watch = async () => {
    for await (const _ of c.watchOrder({ orderId }, { deadlineMs: 20 }));
  };
  t.is((await t.throwsAsync(watch, { instanceOf: ConnectError }))?.code, Code.DeadlineExceeded);
  const abort = new AbortController();
  const cancelled = c.getOrder({ orderId }, { signal: abort.signal });
  abort.abort();
  t.is((await t.throwsAsync(cancelled, { instanceOf: ConnectError }))?.code, Code.Canceled);
  // A connection that ends before it was open fails those who wait for it.
  const waiting = c.getOrder({ orderId });
  while (peer.sockets.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  for (const socket of peer.sockets) socket.destroy();
  t.is((await t.throwsAsync(waiting, { instanceOf: ConnectError }))?.code, Code.Unavailable);
  t.is(peer.sockets.size, 1, 'one connection for all');
});

test('a call that is cancelled before it begins is never sent', async (t) => {
  let calls = 0;
  const server = await oddServer((stream) => {
    calls++;
    answerWith(stream, good);
  });
  t.teardown(() => server.close());
  const c = client(OrderService, { outbound: server.address });
  const error = await t.throwsAsync(c.getOrder({ orderId }, { signal: AbortSignal.abort() }), {
    instanceOf: ConnectError,
  });
  t.is(error?.code, Code.Canceled);
  await c.getOrder({ orderId });
  t.is(calls, 1);
});

test('many calls at once from the start have room on several connections', async (t) => {
  const held: (() => void)[] = [];
  let most = 0;
  const server = await oddServer(
    (stream) => {
      held.push(() => answerWith(stream, good));
      most = Math.max(most, server.sessions.size);
      if (held.length >= 64) for (const go of held.splice(0, 64)) go();
    },
    { settings: { maxConcurrentStreams: 10 } },
  );
  t.teardown(() => server.close());
  const c = client(OrderService, { outbound: server.address });
  const answers = await Promise.all(Array.from({ length: 64 }, () => c.getOrder({ orderId }, { deadlineMs: 20_000 })));
  t.true(answers.every(({ order }) => order?.orderId === orderId));
  t.is(most, 7);
  // What was opened for the crowd goes when the crowd has.
  while (server.sessions.size > 1) await new Promise((resolve) => setTimeout(resolve, 5));
});

test('a connection that is going away ends its calls, and new ones go to the next', async (t) => {
  const held: (() => void)[] = [];
  const server = await oddServer((stream) => {
    if (held.length === 0) held.push(() => answerWith(stream, good));
    else answerWith(stream, good);
  });
  t.teardown(() => server.close());
  const c = client(OrderService, { outbound: server.address });
  const first = c.getOrder({ orderId });
  while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const [session] = server.sessions;
  // As Envoy begins to go: what is on its way is still taken.
  session?.goaway(0, 2 ** 31 - 1);
  for (let sessions = 1; sessions < 2; sessions = server.sessions.size) await c.getOrder({ orderId });
  held[0]?.();
  t.is((await first).order?.orderId, orderId);
});

test('a connection that breaks fails its calls, and the next call connects again', async (t) => {
  const server = await oddServer((stream) => void stream.respond(head));
  const c = client(OrderService, { outbound: server.address });
  const hung = c.getOrder({ orderId });
  const stream = c.watchOrder({ orderId })[Symbol.asyncIterator]();
  const next = stream.next();
  while (server.streams.size < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  await server.close();
  for (const call of [hung, next]) {
    const error = await t.throwsAsync(call, { instanceOf: ConnectError });
    t.is(error?.code, Code.Unavailable);
    t.regex(error?.rawMessage ?? '', /the connection to 127\.0\.0\.1:\d+ has ended/);
  }
  const port = Number(server.address.split(':')[1]);
  const again = await oddServer((s) => answerWith(s, good), { port });
  t.teardown(() => again.close());
  t.is((await c.getOrder({ orderId })).order?.orderId, orderId);
});

test('a process that waits for no answer ends, with a connection open and with one that never opens', async (t) => {
  const server = await oddServer((stream) => answerWith(stream, good));
  t.teardown(() => server.close());
  const peer = await silentPeer(t);
  const script = `
    import { client } from '@weft/service-kit';
    import { OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
    await client(OrderService, { outbound: '${server.address}' }).getOrder({});
    await client(OrderService, { outbound: '${peer.address}' }).getOrder({}, { deadlineMs: 20 }).catch((e) => console.log(e.code));
  `;
  const cwd = new URL('../..', import.meta.url);
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { cwd });
  t.is((await run).stdout.trim(), String(Code.DeadlineExceeded));
});
