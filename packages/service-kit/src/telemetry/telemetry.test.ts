import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { Server } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { startTestDatabase, type TestDatabase } from '../testing/database.ts';

let base: TestDatabase;

test.before(async () => {
  base = await startTestDatabase({ schema: 'kit' });
});
test.after.always(() => base.remove());

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const card = '4929123456781234';

/** An OTLP endpoint that keeps what it gets, as bytes: strings in protobuf are plain. */
async function collector(protocol: 'grpc' | 'http/protobuf') {
  const received: Buffer[] = [];
  const server: Server =
    protocol === 'grpc'
      ? createHttp2Server().on('stream', async (stream) => {
          for await (const chunk of stream) received.push(chunk);
          stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true });
          stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
          stream.end(Buffer.alloc(5));
        })
      : createHttpServer(async (request, response) => {
          for await (const chunk of request) received.push(chunk);
          response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
        });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close(), bytes: () => Buffer.concat(received) };
}

/** Runs an orders service in a process of its own, has it answer three calls, and stops it. */
async function ordersUnder(env: NodeJS.ProcessEnv) {
  const { host, port, user, password, database } = base.connection;
  const child = spawn(process.execPath, [fileURLToPath(new URL('./orders-fixture.ts', import.meta.url))], {
    env: {
      PATH: process.env.PATH,
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: database,
      WEFT_SERVICE: 'bakery.orders',
      WEFT_LISTEN: '127.0.0.1:0',
      LOG_LEVEL: 'trace',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  const lines: string[] = [];
  try {
    const { promise: serving, resolve, reject } = Promise.withResolvers<string>();
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      const { msg, address } = JSON.parse(line);
      if (msg === 'serving') resolve(address);
    });
    exit.then(() => reject(new Error(`the fixture ended: ${lines.join('\n')}`)), reject);
    const address = await serving;
    const answers: string[] = [];
    for (const idempotencyKey of ['works', 'fails', 'traces']) {
      const response = await fetch(`http://${address}/bakery.orders.v1.OrderService/PlaceOrder`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
        body: JSON.stringify({
          idempotencyKey,
          customerId: '0197f3c0-0000-7000-8000-000000000000',
          items: [{ sku: 'ABC-1234', quantity: 1 }],
          currencyCode: 'EUR',
          cardNumber: card,
        }),
      });
      answers.push(await response.text());
    }
    child.kill('SIGTERM');
    const [code] = await exit;
    return { code, lines, answers };
  } finally {
    child.kill('SIGKILL');
  }
}

for (const protocol of ['grpc', 'http/protobuf'] as const) {
  test(`spans of calls and SQL are sent by ${protocol}, in the caller’s trace and without sensitive values`, async (t) => {
    const otlp = await collector(protocol);
    t.teardown(otlp.close);
    const { code, lines, answers } = await ordersUnder({
      OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    });
    t.is(code, 0);
    const sent = otlp.bytes();
    for (const text of [
      'bakery.orders.v1.OrderService/PlaceOrder',
      'SELECT orders',
      'select $1::text as card',
      'rpc.server.duration',
      'bakery.orders',
    ]) {
      t.true(sent.includes(text), text);
    }
    t.true(sent.includes(Buffer.from(traceId, 'hex')));
    t.false(sent.includes(card), 'no card number in spans');
    t.false(lines.join('\n').includes(card), 'no card number in logs');
    t.false(lines.join('\n').includes(base.connection.password), 'no password in logs');
    t.regex(answers[1] ?? '', /internal error/);
    const logged = lines.map((line) => JSON.parse(line)).filter((line) => line.trace_id === traceId);
    t.true(logged.some((line) => line.msg === 'placing' && line.request.idempotency_key === 'works'));
    t.true(logged.every((line) => /^[0-9a-f]{16}$/.test(line.span_id) && line.service === 'bakery.orders'));
    const failure = logged.find((line) => line.err);
    t.is(failure?.err.code, '22P02');
  });
}

test('without an endpoint the trace is still passed on, and nothing is exported', async (t) => {
  const { code, lines, answers } = await ordersUnder({});
  t.is(code, 0);
  t.regex(answers[2] ?? '', new RegExp(`00-${traceId}-00f067aa0ba902b7-01`));
  t.true(lines.some((line) => line.includes(`"trace_id":"${traceId}"`)));
});
