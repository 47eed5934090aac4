import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { create, toBinary } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { Health } from '@weft/api/grpc/health/v1/health';
import { CatalogService } from '@weft/test-contracts/bakery/catalog/v1/catalog';
import { GetOrderRequestSchema, OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import test from 'ava';
import { frameMessage } from './grpc/frame.ts';
import type { Limits } from './grpc/limits.ts';
import { client, implement } from './index.ts';
import { orderId, orders, serving } from './order-server.fixture.ts';
import { flag, frame, frameType, headerBlock, post, preface, RawPeer, uint32 } from './raw-http2.fixture.ts';

// What one connection may do to a server. Beside each attack another caller is served.

const getOrder = '/bakery.orders.v1.OrderService/GetOrder';
const request = frameMessage(toBinary(GetOrderRequestSchema, create(GetOrderRequestSchema, { orderId })));
const second = 1_000;

async function untilClosed(address: string, bytes: string | Uint8Array): Promise<{ answer: string; afterMs: number }> {
  const [host, port] = address.split(':');
  const began = performance.now();
  const socket = connectSocket({ host: host ?? '', port: Number(port) });
  const chunks: Buffer[] = [];
  socket.on('error', () => {});
  socket.on('data', (chunk) => chunks.push(chunk));
  if (bytes.length > 0) socket.write(bytes);
  await new Promise((resolve) => socket.on('close', resolve)); // once() would reject where the end is a reset.
  return { answer: Buffer.concat(chunks).toString('latin1'), afterMs: performance.now() - began };
}

test('headers that come slowly, and silence, end a connection', async (t) => {
  const server = await serving({ limits: { headersTimeoutMs: 300 } });
  const head = 'POST /x HTTP/1.1\r\nhost: x\r\n';
  const opened = {
    nothing: '',
    'a part of the preface': preface.subarray(0, 10),
    'a part of a request': head,
    'a part of the second request': `GET /x HTTP/1.1\r\nhost: x\r\n\r\n${head}`,
  };
  const results = Object.entries(opened).map(async ([what, bytes]) => ({
    what,
    ...(await untilClosed(server.address, bytes)),
  }));
  for (const { what, answer, afterMs } of await Promise.all(results)) {
    t.true(afterMs < 5 * second, what);
    if (what.includes('request')) t.regex(answer, /HTTP\/1\.1 408 /, what);
  }
  await server.close();
});

test('a message that comes slowly ends its call; a stream between messages lives', async (t) => {
  const server = await serving({
    limits: { messageTimeoutMs: 500 },
    services: [
      implement(OrderService, {
        ...orders,
        async *watchOrder(_, call) {
          await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
        },
      }),
    ],
  });
  const session = connectHttp2(`http://${server.address}`);
  const slow = async (headers: Record<string, string>, part: Uint8Array) => {
    const stream = session.request({ ':method': 'POST', ':path': getOrder, ...headers });
    const began = performance.now();
    const chunks: Buffer[] = [];
    let told: unknown;
    stream.on('response', (answer) => {
      told = answer['grpc-status'] ?? answer[':status'];
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', () => {});
    stream.write(part);
    await once(stream, 'close');
    return { told: `${told} ${Buffer.concat(chunks)}`, afterMs: performance.now() - began };
  };
  const reflection = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
  const part = Buffer.from([0, 0, 0, 0, 9, 1]);
  const lasting = session.request({ ':method': 'POST', ':path': reflection, 'content-type': 'application/grpc' });
  lasting.write(frameMessage(Buffer.from([0x3a, 0])));
  const watching = session.request({
    ':method': 'POST',
    ':path': '/bakery.orders.v1.OrderService/WatchOrder',
    'content-type': 'application/grpc',
  });
  watching.end(request);
  const all = await Promise.all([
    slow({ 'content-type': 'application/grpc' }, request),
    slow({ 'content-type': 'application/grpc' }, part),
    slow({ 'content-type': 'application/grpc', ':path': reflection }, part),
    slow({ 'content-type': 'application/grpc-web' }, part),
    slow({ 'content-type': 'application/json' }, Buffer.from('{')),
    slow({ 'content-type': 'application/connect+proto', ':path': reflection }, part),
  ]);
  for (const [index, { told, afterMs }] of all.entries()) {
    t.true(afterMs < 6 * second, String(index));
    t.regex(told, /^4 |deadline_exceeded|grpc-status: 4/, String(index));
  }
  const http1 = await untilClosed(
    server.address,
    `POST ${getOrder} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`,
  );
  t.regex(http1.answer, /deadline_exceeded/);
  t.false(lasting.closed);
  t.false(watching.closed);
  session.destroy();
  await server.close();
});

test('answers that nobody takes are bounded, and given up; other connections are served', async (t) => {
  const large = 'x'.repeat(100_000);
  const server = await serving({
    limits: { maxConnectionBytes: 4_000_000, stalledAnswerMs: 1_500 },
    services: [implement(OrderService, { ...orders, getOrder: () => ({ order: { orderId: large } }) })],
  });
  const peer = new RawPeer(server.address);
  peer.start([[4, 0]]); // SETTINGS_INITIAL_WINDOW_SIZE
  const streams = 500;
  for (let index = 0; index < streams; index++)
    peer.send(
      frame(frameType.headers, flag.endHeaders, 2 * index + 1, post(getOrder)),
      frame(frameType.data, flag.endStream, 2 * index + 1, request),
    );
  const ends = () =>
    peer.frames.filter(({ type, flags }) => type === frameType.headers && (flags & flag.endStream) !== 0).length;
  const resets = () => peer.frames.filter(({ type }) => type === frameType.rstStream).length;
  // 4 MB have room for 39 answers. The rest is refused at once; what waits is reset.
  while (ends() < streams - 40) await new Promise((resolve) => setTimeout(resolve, 20));
  t.true(ends() <= streams - 30);
  t.is((await client(OrderService, { outbound: server.address }).getOrder({ orderId })).order?.orderId, large);
  while (ends() + resets() < streams) await new Promise((resolve) => setTimeout(resolve, 20));
  t.false(peer.closed);
  peer.socket.destroy();
  await server.close();
});

test('requests that are never completed are bounded together', async (t) => {
  const server = await serving({ limits: { maxConnectionBytes: 4_000_000 } });
  const session = connectHttp2(`http://${server.address}`);
  const ended: string[] = [];
  const types = ['application/grpc', 'application/grpc-web', 'application/proto'];
  const half = Buffer.concat([Buffer.from([0, 0, 0x30, 0, 0]), Buffer.alloc(500_000)]);
  for (let index = 0; index < 30; index++) {
    const stream = session.request({ ':method': 'POST', ':path': getOrder, 'content-type': types[index % 3] });
    stream.on('response', (headers) => ended.push(String(headers['grpc-status'] ?? headers[':status'])));
    stream.on('error', () => {});
    stream.resume();
    stream.write(half);
  }
  for (let i = 0; ended.length < 20 && i < 200; i++) await new Promise((resolve) => setTimeout(resolve, 20));
  t.true(
    ended.every((status) => ['8', '200', '429'].includes(status)),
    ended.join(),
  );
  t.is((await client(OrderService, { outbound: server.address }).getOrder({ orderId })).order?.orderId, orderId);
  session.destroy();
  await server.close();
});

const mebibyte = 1024 * 1024;
const some = (each: Uint8Array, times = 500) => Buffer.concat(Array.from({ length: times }, () => each));
const opened = frame(frameType.headers, flag.endHeaders, 1, post(getOrder));
interface Flood {
  readonly before?: Uint8Array;
  readonly frames: (round: number) => Uint8Array;
  readonly maxBytes: number;
  readonly limits?: Partial<Limits>;
}
const floods: Record<string, Flood> = {
  'rapid resets': {
    // The default is for sidecars, and more than this test could send.
    limits: { resets: { burst: 1_000, perSecond: 100 } },
    frames: (round) =>
      Buffer.concat(
        Array.from({ length: 100 }, (_, index) => {
          const id = 2 * (100 * round + index) + 1;
          return Buffer.concat([
            frame(frameType.headers, flag.endHeaders, id, post(getOrder)),
            frame(frameType.rstStream, 0, id, uint32(8)),
          ]);
        }),
      ),
    maxBytes: 20 * mebibyte,
  },
  CONTINUATION: {
    before: frame(frameType.headers, 0, 1, post(getOrder)),
    frames: () => frame(frameType.continuation, 0, 1, headerBlock({ 'x-y': 'z'.repeat(100) })),
    maxBytes: mebibyte,
  },
  'empty CONTINUATION': {
    before: frame(frameType.headers, 0, 1, post(getOrder)),
    frames: () => some(frame(frameType.continuation, 0, 1), 10),
    maxBytes: mebibyte,
  },
  SETTINGS: { frames: () => some(frame(frameType.settings, 0, 0)), maxBytes: 4 * mebibyte },
  'large SETTINGS': {
    frames: () => frame(frameType.settings, 0, 0, some(Buffer.from([0xff, 0xff, 0, 0, 0, 0]), 30)),
    maxBytes: 8 * mebibyte,
  },
  PING: { frames: () => some(frame(frameType.ping, 0, 0, Buffer.alloc(8))), maxBytes: 16 * mebibyte },
  'empty DATA': { before: opened, frames: () => some(frame(frameType.data, 0, 1)), maxBytes: 4 * mebibyte },
  PRIORITY: {
    frames: () => some(frame(frameType.priority, 0, 3, Buffer.from([0, 0, 0, 0, 1]))),
    maxBytes: 2_000 * mebibyte,
  },
  WINDOW_UPDATE: {
    before: opened,
    frames: () => some(frame(frameType.windowUpdate, 0, 1, uint32(1))),
    maxBytes: 2_000 * mebibyte,
  },
  'unknown frames': { frames: () => some(frame(0xfa, 0, 0, Buffer.alloc(10))), maxBytes: 2_000 * mebibyte },
  padding: {
    before: opened,
    frames: () => some(frame(frameType.data, 8, 1, Buffer.concat([Buffer.from([255]), Buffer.alloc(255)])), 50),
    maxBytes: 2_000 * mebibyte,
  },
};

for (const [name, { before, frames, maxBytes, limits }] of Object.entries(floods)) {
  test.serial(`a flood of ${name} ends its connection, and nothing else`, async (t) => {
    const server = await serving(limits ? { limits } : {});
    const other = client(OrderService, { outbound: server.address });
    await other.getOrder({ orderId });
    const peer = new RawPeer(server.address);
    peer.start();
    if (before) peer.send(before);
    let flooding = true;
    const flood = peer.flood(frames, maxBytes).finally(() => {
      flooding = false;
    });
    while (flooding) {
      t.is((await other.getOrder({ orderId })).order?.orderId, orderId);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await t.notThrowsAsync(flood);
    t.is((await other.getOrder({ orderId })).order?.orderId, orderId);
    peer.socket.destroy();
    await server.close();
  });
}

test.serial('thousands of calls on one connection, many of them cancelled, disturb no limit', async (t) => {
  const server = await serving();
  const session = connectHttp2(`http://${server.address}`);
  let closed = false;
  session.on('close', () => {
    closed = true;
  });
  const one = async (path: string, cancel: boolean) => {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
    stream.on('error', () => {});
    stream.resume();
    if (cancel) {
      stream.write(request);
      await new Promise((resolve) => setImmediate(resolve));
      stream.close(constants.NGHTTP2_CANCEL);
    } else stream.end(request);
    await once(stream, 'close');
  };
  for (let round = 0; round < 20; round++)
    await Promise.all(Array.from({ length: 250 }, (_, index) => one(getOrder, index % 2 === 0)));
  t.false(closed);
  session.destroy();
  await server.close();
});

test.serial('uploads that a handler reads late are no flood', async (t) => {
  const server = await serving({
    services: [
      implement(CatalogService, {
        getProduct: () => ({}),
        batchGetProducts: () => ({}),
        listProducts: () => ({}),
        searchProducts: () => ({}),
        async importProducts(requests) {
          await new Promise((resolve) => setTimeout(resolve, 3_000));
          for await (const _ of requests) break;
          return { created: 1n };
        },
      }),
    ],
  });
  const session = connectHttp2(`http://${server.address}`);
  const upload = async () => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/bakery.catalog.v1.CatalogService/ImportProducts',
      'content-type': 'application/grpc',
    });
    let ended = 'reset';
    stream.on('response', () => {
      ended = 'answered';
    });
    stream.on('error', () => {});
    stream.resume();
    stream.end(Buffer.concat([Buffer.from([0, 0, 0x0f, 0, 0]), Buffer.alloc(0xf0000)]));
    await new Promise((resolve) => stream.on('close', resolve));
    return ended;
  };
  const ends = await Promise.all(Array.from({ length: 12 }, upload));
  t.deepEqual(new Set(ends), new Set(['answered']));
  session.destroy();
  await server.close();
});

test('idle connections make room, and end; streams keep theirs', async (t) => {
  const server = await serving({ limits: { maxConnections: 40, idleTimeoutMs: 2_000, headersTimeoutMs: 60_000 } });
  const watched: unknown[] = [];
  const transport = createGrpcTransport({ baseUrl: `http://${server.address}` });
  const abort = new AbortController();
  const watching = (async () => {
    for await (const answer of createClient(Health, transport).watch({}, { signal: abort.signal }))
      watched.push(answer);
  })().catch(() => 'ended');
  while (watched.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const peers = Array.from({ length: 120 }, (_, index) => {
    const peer = new RawPeer(server.address);
    if (index % 2 === 0) peer.start();
    return peer;
  });
  await Promise.all(peers.map(({ socket }) => once(socket, 'connect')));
  t.is((await client(OrderService, { outbound: server.address }).getOrder({ orderId })).order?.orderId, orderId);
  const open = () => peers.filter(({ closed }) => !closed);
  while (open().length > 40) await new Promise((resolve) => setTimeout(resolve, 20));
  // Of those that are left, the sessions end by themselves.
  const sessions = peers.filter((peer, index) => index % 2 === 0 && !peer.closed);
  await Promise.all(sessions.map((peer) => peer.ended()));
  t.true(sessions.every(({ frames }) => frames.some(({ type }) => type === frameType.goaway)));
  const late = await Promise.race([watching, new Promise((resolve) => setTimeout(() => resolve('lives'), 1_500))]);
  t.is(late, 'lives');
  abort.abort();
  for (const { socket } of peers) socket.destroy();
  await server.close();
});

test('a peer that is gone is found by PING, whatever its streams wait for', async (t) => {
  const server = await serving({ limits: { silenceMs: 500, pingTimeoutMs: 500 } });
  const watch = '/grpc.health.v1.Health/Watch';
  const alive = connectHttp2(`http://${server.address}`);
  const lasting = alive.request({ ':method': 'POST', ':path': watch, 'content-type': 'application/grpc' });
  lasting.end(frameMessage(Buffer.alloc(0)));
  const gone = new RawPeer(server.address); // Reads, and answers no PING.
  gone.start();
  gone.send(
    frame(frameType.headers, flag.endHeaders, 1, post(watch)),
    frame(frameType.data, flag.endStream, 1, frameMessage(Buffer.alloc(0))),
  );
  await gone.ended();
  await new Promise((resolve) => setTimeout(resolve, 2 * second));
  t.false(lasting.closed);
  alive.destroy();
  await server.close();
});
