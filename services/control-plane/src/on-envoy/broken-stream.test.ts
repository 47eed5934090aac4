import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect, type ServerHttp2Stream } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { descriptorSet } from '@weft/compiler/testing/mesh-directory';
import { WatchOrderResponseSchema } from '@weft/test-contracts/bakery/orders/v1/orders';
import anyTest, { type TestFn } from 'ava';
import { type RunningBakery, runBakery } from './testing/running-bakery.ts';

// A stream of answers by REST that breaks off must not look like one that has ended.

interface Context {
  readonly bakery: RunningBakery;
  readonly address: string;
}

const test = anyTest as TestFn<Context>;
const orderId = '0190a5f4-3c5e-7c5e-8c5e-0190a5f43c5e';
const path = `/v1/orders/${orderId}:watch`;

test.before(async (t) => {
  const bakery = await runBakery({ orders: descriptorSet('bakery.orders') }, { edge: true });
  Object.assign(t.context, { bakery, address: bakery.edge?.address ?? '' });
});

test.after.always((t) => t.context.bakery?.stop());

/** A gRPC message in its frame. */
function framed(sequence: bigint): Buffer {
  const message = toBinary(WatchOrderResponseSchema, create(WatchOrderResponseSchema, { sequence }));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Has the application answer with these messages and then end in this way. */
function answer({ bakery }: Context, messages: number, end: { readonly status: string } | 'reset'): void {
  bakery.replica('orders-0').application.behaviour = (stream: ServerHttp2Stream) => {
    const headers = { ':status': 200, 'content-type': 'application/grpc' };
    stream.respond(headers, { waitForTrailers: end !== 'reset' });
    if (end !== 'reset')
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': end.status, 'grpc-message': 'it broke' }));
    for (let sequence = 1; sequence <= messages; sequence++) stream.write(framed(BigInt(sequence)));
    if (end === 'reset') setTimeout(() => stream.session?.destroy(), 50);
    else stream.end();
  };
}

interface Ended {
  readonly status: number;
  readonly text: string;
  /** The body ended as HTTP says. */
  readonly whole: boolean;
}

async function overHttp1({ address }: Context): Promise<Ended> {
  const call = request(`http://${address}${path}`).end();
  const [response]: IncomingMessage[] = await once(call, 'response');
  if (response === undefined) throw new Error('no response');
  let text = '';
  response.on('data', (chunk) => {
    text += chunk;
  });
  response.on('error', () => {});
  await new Promise((resolve) => (response.closed ? resolve(undefined) : response.once('close', resolve)));
  return { status: response.statusCode ?? 0, text, whole: response.complete };
}

async function overHttp2({ address }: Context): Promise<Ended> {
  const session = connect(`http://${address}`);
  const stream = session.request({ ':path': path });
  let text = '';
  let status = 0;
  let whole = false;
  stream.on('response', (headers) => {
    status = headers[':status'] ?? 0;
  });
  stream.on('data', (chunk) => {
    text += chunk;
  });
  stream.on('end', () => {
    whole = stream.rstCode === 0;
  });
  stream.on('error', () => {
    whole = false;
  });
  stream.end();
  await once(stream, 'close').catch(() => {});
  session.destroy();
  return { status, text, whole: whole && stream.rstCode === 0 };
}

const lines = (text: string) => text.split('\n').filter((line) => line !== '');

for (const [version, call] of [
  ['HTTP/1.1', overHttp1],
  ['HTTP/2', overHttp2],
] as const) {
  test.serial(`${version}: a stream that ends well is whole`, async (t) => {
    for (const messages of [0, 1, 2, 200]) {
      answer(t.context, messages, { status: '0' });
      const ended = await call(t.context);
      t.like(ended, { status: 200, whole: true });
      t.is(lines(ended.text).length, messages);
    }
  });

  test.serial(`${version}: one that breaks after two messages is torn, and the two have arrived`, async (t) => {
    for (const end of [{ status: '13' }, { status: '14' }, { status: '4' }, 'reset'] as const) {
      answer(t.context, 2, end);
      const ended = await call(t.context);
      t.like(ended, { status: 200, whole: false }, JSON.stringify(end));
      t.is(lines(ended.text).length, 2, ended.text);
    }
  });

  test.serial(`${version}: one that fails at once is an error`, async (t) => {
    t.context.bakery.replica('orders-0').application.behaviour = (stream) =>
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5', 'grpc-message': 'no such order' },
        { endStream: true },
      );
    const ended = await call(t.context);
    t.like(ended, { status: 404, whole: true });
    t.regex(ended.text, /no such order/);
  });
}
