import { connect } from 'node:http2';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { ErrorInfoSchema } from '@weft/policy/google/rpc/error_details';
import { OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import test, { type ExecutionContext } from 'ava';
import { frameMessage } from './grpc/frame.ts';
import { type Call, type ErrorDetail, type Handlers, implement, ServiceError } from './index.ts';
import { orderId, orders, serving, transports } from './order-server.fixture.ts';

/** What each protocol's client gets of a unary call and of a stream that fails after its first message. */
async function failures(t: ExecutionContext, fail: (call: Call) => never) {
  const handlers: Handlers<typeof OrderService> = {
    ...orders,
    getOrder: (_request, call) => fail(call),
    async *watchOrder(_request, call) {
      yield { sequence: 1n };
      fail(call);
    },
  };
  const server = await serving({ services: [implement(OrderService, handlers)] });
  t.teardown(() => server.close());
  const found: [string, ConnectError][] = [];
  for (const [name, transport] of Object.entries(transports(server.address))) {
    const client = createClient(OrderService, transport);
    const timeoutMs = 5_000;
    const unary = await t.throwsAsync(client.getOrder({ orderId }, { timeoutMs }), { instanceOf: ConnectError }, name);
    const watch = async () => {
      for await (const _ of client.watchOrder({ orderId }, { timeoutMs }));
    };
    const stream = await t.throwsAsync(watch(), { instanceOf: ConnectError }, name);
    if (unary) found.push([`${name}, unary`, unary]);
    if (stream) found.push([`${name}, stream`, stream]);
  }
  t.is(found.length, 12);
  return found;
}

const info = (reason: string): ErrorDetail => ({ desc: ErrorInfoSchema, value: { reason, domain: 'd' } });

test('a status that is too large for headers is cut, says so, and keeps its code', async (t) => {
  const errors = await failures(t, () => {
    throw new ServiceError(Code.FailedPrecondition, `out of ${'ü'.repeat(70_000)}`, {
      details: [info('FIRST'), info('x'.repeat(100_000)), info('LAST')],
    });
  });
  for (const [name, error] of errors) {
    t.is(error.code, Code.FailedPrecondition, name);
    t.regex(error.rawMessage, /^out of ü{100,300} \[cut to fit: the message, of 140007 bytes, 2 of 3 details\]$/, name);
    t.deepEqual(
      error.findDetails(ErrorInfoSchema).map(({ reason }) => reason),
      ['FIRST'],
      name,
    );
  }
});

test('one large detail, and metadata without end, leave the message', async (t) => {
  const metadata = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`x-${i}`, 'v'.repeat(50)]));
  const errors = await failures(t, () => {
    throw new ConnectError('why', Code.NotFound, metadata, [
      { desc: ErrorInfoSchema, value: { reason: 'x'.repeat(70_000) } },
    ]);
  });
  for (const [name, error] of errors) {
    t.is(error.code, Code.NotFound, name);
    t.regex(error.rawMessage, /^why \[cut to fit: 1 of 1 details, \d+ of \d+ metadata entries\]$/, name);
    t.true([...error.metadata.keys()].filter((key) => /^x-\d/.test(key)).length > 10, name);
  }
});

test('more entries of metadata than proxies take are cut, from failures and from successes', async (t) => {
  const fill = ({ responseHeader, responseTrailer }: Call) => {
    for (let i = 0; i < 150; i++) {
      responseHeader.set(`x-h${i}`, 'v');
      responseTrailer.set(`x-t${i}`, 'v');
    }
  };
  const count = (headers: Headers) => [...headers.keys()].filter((key) => /^x-[ht]\d/.test(key)).length;
  const errors = await failures(t, (call) => {
    fill(call);
    throw new ConnectError('m', Code.FailedPrecondition, Object.fromEntries([['x-t0', 'mine']]));
  });
  for (const [name, error] of errors) {
    t.is(error.code, Code.FailedPrecondition, name);
    t.true(count(error.metadata) > 10 && count(error.metadata) <= 128, `${name}: ${count(error.metadata)}`);
  }
  const handlers: Handlers<typeof OrderService> = {
    ...orders,
    getOrder(_request, call) {
      fill(call);
      return { order: { orderId } };
    },
  };
  const server = await serving({ services: [implement(OrderService, handlers)] });
  t.teardown(() => server.close());
  for (const [name, transport] of Object.entries(transports(server.address))) {
    const counts: number[] = [];
    const seen = (headers: Headers) => counts.push(count(headers));
    await createClient(OrderService, transport).getOrder({ orderId }, { onHeader: seen, onTrailer: seen });
    // Connect sends the trailers of a unary call as headers.
    t.deepEqual(counts, name.startsWith('Connect') ? [64, 0] : [64, 64], name);
  }
});

const forbidden: readonly [string, string][] = [
  ['connection', 'keep-alive'],
  ['keep-alive', 'timeout=5'],
  ['proxy-connection', 'x'],
  ['transfer-encoding', 'chunked'],
  ['upgrade', 'h2c'],
  ['http2-settings', 'AAAA'],
  ['host', 'x'],
  ['te', 'gzip'],
  ['trailer', 'x'],
  ['content-type', 'text/html'],
  ['content-length', '5'],
  ['content-encoding', 'gzip'],
  ['grpc-status', '0'],
  ['grpc-message', 'fine'],
  ['grpc-new', 'x'],
  ['connect-timeout-ms', '1'],
  ['x-weft-failure', 'own'],
  ['x-weft-anything', 'x'],
  ['x!odd', 'x'],
  ['x-latin', 'caf\u00e9'],
  ['x-odd-bin', '***'],
];

test('metadata that cannot be sent is dropped, and the rest arrives', async (t) => {
  const errors = await failures(t, (call) => {
    for (const [name, value] of forbidden) {
      call.responseTrailer.set(name, value);
      call.responseHeader.set(name, value);
    }
    throw new ConnectError(
      'm',
      Code.FailedPrecondition,
      Object.fromEntries([...forbidden, ['x-good', 'yes'], ['x-good-bin', 'AQID']]),
    );
  });
  for (const [name, error] of errors) {
    t.is(error.code, Code.FailedPrecondition, name);
    t.is(error.rawMessage, 'm', name);
    t.is(error.metadata.get('x-good'), 'yes', name);
    t.is(error.metadata.get('x-good-bin'), 'AQID', name);
    for (const odd of ['x!odd', 'x-latin', 'x-odd-bin', 'x-weft-anything', 'grpc-new', 'http2-settings', 'trailer'])
      t.false(error.metadata.has(odd), `${name}: ${odd}`);
  }
});

test('a success with such metadata is a success', async (t) => {
  const handlers: Handlers<typeof OrderService> = {
    ...orders,
    getOrder(_request, call) {
      for (const [name, value] of [...forbidden, ['x-long', 'v'.repeat(70_000)] as const]) {
        call.responseHeader.set(name, value);
        call.responseTrailer.set(name, value);
      }
      call.responseHeader.set('x-good', 'yes');
      return { order: { orderId } };
    },
  };
  const server = await serving({ services: [implement(OrderService, handlers)] });
  for (const [name, transport] of Object.entries(transports(server.address))) {
    const good: (string | null)[] = [];
    const { order } = await createClient(OrderService, transport).getOrder(
      { orderId },
      { onHeader: (headers) => good.push(headers.get('x-good')), timeoutMs: 5_000 },
    );
    t.is(order?.orderId, orderId, name);
    t.deepEqual(good, ['yes'], name);
  }
  await server.close();
});

test('what sidecars say to each other is in no trailer and in no body', async (t) => {
  const fail = () => {
    throw new ServiceError(Code.Unavailable, 'away');
  };
  const handlers: Handlers<typeof OrderService> = {
    ...orders,
    getOrder: fail,
    async *watchOrder() {
      yield { sequence: 1n };
      fail();
    },
  };
  const server = await serving({ services: [implement(OrderService, handlers)] });
  const session = connect(`http://${server.address}`);
  t.teardown(() => session.destroy());
  const request = Buffer.from(`{"orderId":"${orderId}"}`);
  const binary = Buffer.from([0x0a, 36, ...Buffer.from(orderId)]);
  for (const [contentType, body] of [
    ['application/grpc', frameMessage(binary)],
    ['application/grpc-web+proto', frameMessage(binary)],
    ['application/grpc-web+json', frameMessage(request)],
    ['application/connect+json', frameMessage(request)],
    ['application/json', request],
  ] as const) {
    for (const method of ['GetOrder', 'WatchOrder']) {
      if ((contentType === 'application/connect+json') !== (method === 'WatchOrder') && !contentType.includes('grpc'))
        continue;
      const stream = session.request({
        ':method': 'POST',
        ':path': `/bakery.orders.v1.OrderService/${method}`,
        'content-type': contentType,
      });
      let trailers: object = {};
      stream.on('trailers', (received) => (trailers = received));
      stream.end(body);
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      const seen = `${Object.keys(trailers)} ${Buffer.concat(chunks)}`;
      t.notRegex(seen, /x-weft/, `${contentType} ${method}`);
    }
  }
  await server.close();
});
