import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { codecHeaders, maxStreamsFromOutside } from '@weft/compiler/envoy/connection-limits';
import { withPolicy } from '@weft/compiler/testing/edit-contract';
import { descriptorSet } from '@weft/compiler/testing/mesh-directory';
import { Exposure } from '@weft/policy/weft/policy/v1/policy';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { editGateway } from './testing/edit-listener.ts';
import { type Load, startLoad } from './testing/load.ts';
import { behaviours } from './testing/raw-application.ts';
import { RawCaller } from './testing/raw-call.ts';
import { frameTypes, getBlock, headerBlock, lastIndexed, literal, RawFrames } from './testing/raw-frames.ts';
import { counter, type RunningBakery, runBakery } from './testing/running-bakery.ts';
import { until } from './testing/running-control-plane.ts';

// What callers outside can make the edge hold. Its timeouts are a hundredth of the real ones, its heap and connections a fraction.

interface Context {
  readonly bakery: RunningBakery;
  readonly address: string;
  /** A caller who does no harm, on a connection of his own. */
  readonly customer: RawCaller;
}

const test = anyTest as TestFn<Context>;
const getOrder = '/bakery.orders.v1.OrderService/GetOrder';
const watchOrder = '/bakery.orders.v1.OrderService/WatchOrder';
const maxHeapBytes = 160_000_000;
/** With what may arrive between two measurements. Unbounded, the attack would hold more than four times its heap. */
const mostBytes = 1.4 * maxHeapBytes;
const maxConnections = 100;
const stalledMs = 2000;
const unroutedMs = 1000;
const wholeMs = 2000;

/** What Envoy itself needs for a call besides its headers. */
const callBytes = 32 << 10;
const maxHeaderBytes = 60 << 10;
/** The documented bound of what one connection can make the edge hold, without bodies. */
const connectionBytes = maxStreamsFromOutside * (maxHeaderBytes + codecHeaders.moreKb * 1024 + callBytes);

test.before(async (t) => {
  const bakery = await runBakery(
    {
      orders: descriptorSet('bakery.orders'),
      catalog: withPolicy(descriptorSet('bakery.catalog'), 'ImportProducts', { exposure: Exposure.EDGE }),
    },
    {
      edge: true,
      mesh: {
        edgeLimits: { maxHeapBytes, maxConnections },
        delivered: (resource) =>
          editGateway(resource, (manager) => {
            manager.streamFlushTimeout = durationFromMs(stalledMs);
            manager.requestTimeout = durationFromMs(wholeMs);
            if (manager.commonHttpProtocolOptions)
              manager.commonHttpProtocolOptions.maxStreamDuration = durationFromMs(unroutedMs);
            const { connectionKeepalive } = manager.http2ProtocolOptions ?? {};
            if (connectionKeepalive) connectionKeepalive.interval = durationFromMs(1000);
          }),
      },
    },
  );
  const address = bakery.edge?.address ?? '';
  Object.assign(t.context, { bakery, address, customer: new RawCaller(address) });
});

test.after.always(async (t) => {
  t.context.customer?.close();
  await t.context.bakery?.stop();
});

const call = ({ address, customer }: Context) => customer.call({ authority: address, path: getOrder });

/** Has the customer call until the end of the test, when all of it must have gone well. */
function serveMeanwhile(t: ExecutionContext<Context>): Load {
  const load = startLoad(() => call(t.context), 2);
  t.teardown(() => load.stop());
  return load;
}

async function heapBytes({ bakery }: Context): Promise<number> {
  const memory: { readonly allocated: string } = JSON.parse((await bakery.edge?.envoy.admin('/memory')) ?? '');
  return Number(memory.allocated);
}

async function open(t: ExecutionContext<Context>, window?: number): Promise<RawFrames> {
  const connection = await RawFrames.open(t.context.address, window);
  t.teardown(() => connection.close());
  return connection;
}

/** Opens as many streams as nobody should, each with headers of 84 KB in 21 bytes, and reads no answer. */
function hold(attacker: RawFrames, address: string): void {
  const block = (...more: readonly Buffer[]) => getBlock(address, '/v1/nothing', ...more);
  attacker.request(1, block(literal('x-big', 'a'.repeat(4000), true)));
  const many = block(...Array.from({ length: 21 }, () => lastIndexed));
  for (let stream = 3; stream < 2000; stream += 2) attacker.request(stream, many);
}

test.serial(
  'calls that nobody reads the answers of, with headers out of the HPACK table, hold a bounded memory',
  async (t) => {
    await call(t.context);
    const load = serveMeanwhile(t);
    const before = await heapBytes(t.context);
    const attacker = await open(t, 0);
    hold(attacker, t.context.address);
    await until(() => attacker.received.filter(({ type }) => type === frameTypes.resetStream).length >= 900);
    const held = (await heapBytes(t.context)) - before;
    t.log(`${attacker.sent} bytes hold ${held}; bound ${connectionBytes}`);
    t.true(held < connectionBytes);
    // Stalled answers are given up.
    await until(async () => (await heapBytes(t.context)) - before < connectionBytes / 10);
    await load.stop();
    t.true(load.calls > 10);
    t.deepEqual(load.failures, []);
  },
);

test.serial('many such connections do not take it above its heap, and then callers are served again', async (t) => {
  for (let opened = 0; opened < 60; opened++) {
    const attacker = await open(t, 0);
    hold(attacker, t.context.address);
    if (opened % 10 === 0) t.true((await heapBytes(t.context)) < mostBytes);
  }
  t.true((await heapBytes(t.context)) < mostBytes);
  await until(async () => (await call(t.context)).grpcStatus === '0');
  await until(async () => (await get(t.context.address, '/v1/nothing').catch(() => 0)) === 404);
  // While memory is short, Envoy ends connections of the others, too.
  const edge = t.context.bakery.edge?.envoy;
  const pressure = 'overload.envoy.resource_monitors.fixed_heap.pressure';
  await until(async () => edge !== undefined && (await counter(edge, pressure)) < 70);
});

test.serial('connections above the limit are closed, and those that are there go on', async (t) => {
  await until(async () => (await call(t.context)).grpcStatus === '0');
  const load = serveMeanwhile(t);
  const [host, port] = t.context.address.split(':');
  const sockets: Socket[] = [];
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (let opened = 0; opened < 2 * maxConnections; opened++) {
    const socket = connect(Number(port), host).on('error', () => {});
    socket.resume();
    sockets.push(socket);
  }
  const closed = () => sockets.filter((socket) => socket.destroyed || socket.readableEnded).length;
  await until(() => closed() >= maxConnections);
  t.true(closed() < 2 * maxConnections);
  for (const socket of sockets) socket.destroy();
  await until(async () => (await get(t.context.address, '/v1/nothing').catch(() => 0)) === 404);
  await until(() => load.calls > 10);
  await load.stop();
  t.deepEqual(load.failures, []);
});

test.serial('an upload by REST that never ends is answered, though its bytes keep coming', async (t) => {
  const load = serveMeanwhile(t);
  const status = await trickle(t.context.address, 'POST', '/v1/orders', '{"customerId":"');
  t.is(status, 408);
  await load.stop();
  t.deepEqual(load.failures, []);
});

test.serial('a stream of messages that never ends is answered too, though its method has no such limit', async (t) => {
  const { application } = t.context.bakery.replica('catalog-0');
  application.behaviour = behaviours.hang;
  t.teardown(() => {
    application.behaviour = behaviours.ok;
  });
  const session = connectHttp2(`http://${t.context.address}`);
  t.teardown(() => session.destroy());
  const stream = session.request({
    ':method': 'POST',
    ':path': '/bakery.catalog.v1.CatalogService/ImportProducts',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('error', () => {});
  const timer = setInterval(() => stream.write(Buffer.alloc(5)), 50);
  t.teardown(() => clearInterval(timer));
  const [headers] = await once(stream, 'response');
  t.is(headers['grpc-status'], '4');
  t.regex(decodeURIComponent(headers['grpc-message']), /did not answer within the deadline/);
});

test.serial('an answer that is not read ends, and its reader has lost only it', async (t) => {
  const { application } = t.context.bakery.replica('orders-0');
  application.behaviour = (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.alloc(100_000));
  };
  t.teardown(() => {
    application.behaviour = behaviours.ok;
  });
  const reader = await open(t, 1000);
  reader.request(1, grpcBlock(t.context.address, getOrder), false);
  reader.frame(frameTypes.data, 1, 1, Buffer.alloc(5));
  await until(() => reader.received.some(({ type, stream }) => type === frameTypes.resetStream && stream === 1));
  t.false(reader.closed);
  reader.request(3, getBlock(t.context.address, '/v1/nothing'));
  await until(() => reader.received.some(({ type, stream }) => type === frameTypes.headers && stream === 3));
});

test.serial('headers of up to 60 KiB pass, and a little more is answered in words', async (t) => {
  const { address } = t.context;
  t.is(await get(address, '/v1/nothing', { 'x-big': 'a'.repeat(60_000) }), 404);
  t.is(await get(address, '/v1/nothing', { 'x-big': 'a'.repeat(62_000) }), 431);
  const fits = await t.context.customer.call({ authority: address, path: getOrder, headers: big(60_000) });
  t.is(fits.grpcStatus, '0', fits.grpcMessage);
  const tooMuch = await t.context.customer.call({ authority: address, path: getOrder, headers: big(62_000) });
  t.like(tooMuch, { status: 200, grpcStatus: '8' });
  t.regex(tooMuch.grpcMessage ?? '', /^weft: headers of \d+ bytes; at most 61440 may be sent$/);
});

test.serial('calls that strangers reset, without end, tear no call of others further on', async (t) => {
  const { bakery, address, customer } = t.context;
  const { application } = bakery.replica('orders-0');
  t.teardown(() => {
    application.behaviour = behaviours.ok;
  });
  const answered = Promise.withResolvers<void>();
  application.behaviour = (stream, headers) => {
    if (headers[':path'] === watchOrder) void answered.promise.then(() => behaviours.ok(stream));
    else behaviours.hang(stream);
  };
  const stats = async () => (await bakery.edge?.envoy.admin('/stats?filter=outbound.*orders')) ?? '';
  const resets = async () => Number(/upstream_rq_tx_reset: (\d+)/.exec(await stats())?.[1]);
  const before = application.seen.length;
  const resetBefore = await resets();
  const held = customer.call({ authority: address, path: watchOrder });
  await until(() => application.seen.length > before);
  const names = { ':method': 'POST', ':scheme': 'http', ':authority': address, ':path': getOrder };
  const block = headerBlock({ ...names, 'content-type': 'application/grpc', te: 'trailers' });
  const cancel = Buffer.from([0, 0, 0, 8]);
  // All of them come by the edge's one connection to the sidecar, faster than it reads. Envoy's own bounds there would be 1,000 frames that
  // wait, and 1,000 resets.
  for (let connections = 0; connections < 20; connections++) {
    const attacker = await open(t);
    for (let stream = 1; stream < 400; stream += 2) {
      attacker.request(stream, block);
      attacker.frame(frameTypes.resetStream, 0, stream, cancel);
    }
  }
  await until(async () => (await resets()) - resetBefore > 3000);
  await until(async () => (await stats()).includes('http2.outbound_control_frames_active: 0'));
  answered.resolve();
  const { grpcStatus, grpcMessage } = await held;
  t.is(grpcStatus, '0', grpcMessage);
});

test.serial('Envoy misses no limit', (t) => {
  t.deepEqual(
    t.context.bakery.mesh.log.filter((line) => line.includes('no configured limit')),
    [],
  );
});

/** Headers that are large together. */
const big = (bytes: number) => Object.fromEntries([1, 2, 3, 4].map((part) => [`x-big-${part}`, 'a'.repeat(bytes / 4)]));

function grpcBlock(authority: string, path: string): Buffer {
  const pseudo = { ':method': 'POST', ':scheme': 'http', ':authority': authority, ':path': path };
  return headerBlock({ ...pseudo, 'content-type': 'application/grpc', te: 'trailers' });
}

/** The status of a GET on a connection of its own. */
async function get(address: string, path: string, headers: Readonly<Record<string, string>> = {}): Promise<number> {
  const response = await fetch(`http://${address}${path}`, { headers: { ...headers, connection: 'close' } });
  await response.arrayBuffer();
  return response.status;
}

/** The status of a request whose body goes on, some bytes at a time, until it is answered. */
async function trickle(address: string, method: string, path: string, head: string, more = 'a'): Promise<number> {
  const request = httpRequest(`http://${address}${path}`, { method, headers: { 'content-type': 'application/json' } });
  request.on('error', () => {});
  request.write(head);
  const timer = setInterval(() => request.write(more), 50);
  try {
    const [response] = await once(request, 'response');
    response.resume();
    return response.statusCode;
  } finally {
    clearInterval(timer);
    request.destroy();
  }
}
