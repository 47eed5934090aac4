import { constants, type ServerHttp2Stream } from 'node:http2';
import { createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { GetOrderResponseSchema, OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import test from 'ava';
import { frameMessage } from '../grpc/frame.ts';
import { client } from '../index.ts';
import { orderId } from '../order-server.fixture.ts';
import { flag, frame, frameType, headerBlock } from '../raw-http2.fixture.ts';
import { answerWith, head, oddServer, reset } from './odd-server.fixture.ts';

const message = toBinary(GetOrderResponseSchema, create(GetOrderResponseSchema, { order: { orderId } }));
const good = frameMessage(message);
const huge = Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]);

/** What is wrong with an answer, how it is made, and what is said of it: to a unary call, and to a stream where that differs. */
const odd: readonly (readonly [
  what: string,
  answer: (stream: ServerHttp2Stream) => void,
  code: Code,
  said: RegExp,
  ofStream?: 'is fine',
])[] = [
  ['a length of 4 GiB', (s) => answerWith(s, huge), Code.ResourceExhausted, /4294967295 bytes must be at most 4194304/],
  ['flags that do not exist', (s) => answerWith(s, frameMessage(message, 6)), Code.Internal, /flags 6 must be 0 or 1/],
  ['compressed without an encoding', (s) => answerWith(s, frameMessage(message, 1)), Code.Internal, /no grpc-encoding/],
  [
    'compressed with something else than it says',
    (s) => answerWith(s, frameMessage(message, 1), undefined, { 'grpc-encoding': 'gzip' }),
    Code.Internal,
    /is not gzip/,
  ],
  [
    'an unknown encoding',
    (s) => answerWith(s, good, undefined, { 'grpc-encoding': 'br' }),
    Code.Internal,
    /grpc-encoding "br" must be one of identity,gzip,deflate/,
  ],
  [
    'a message that inflates without end',
    (s) => answerWith(s, frameMessage(gzipSync(Buffer.alloc(64 << 20)), 1), undefined, { 'grpc-encoding': 'gzip' }),
    Code.ResourceExhausted,
    /must (inflate to|be) at most/,
  ],
  ['half a message', (s) => answerWith(s, good.subarray(0, 9)), Code.Internal, /ended within a message/],
  ['half a prefix', (s) => answerWith(s, good.subarray(0, 3)), Code.Internal, /ended within a message/],
  [
    'no protobuf',
    (s) => answerWith(s, frameMessage(Buffer.from([0xff, 0xff]))),
    Code.Internal,
    /of the answer is no bakery/,
  ],
  ['no message', (s) => answerWith(s, Buffer.alloc(0)), Code.Unimplemented, /one message, not none/, 'is fine'],
  ['two messages', (s) => answerWith(s, Buffer.concat([good, good])), Code.Unimplemented, /not several/, 'is fine'],
  ['no trailers', (s) => answerWith(s, good, {}), Code.Internal, /no grpc-status/],
  ['nothing but headers', (s) => s.respond(head, { endStream: true }), Code.Internal, /no grpc-status/],
  ['a status that is no number', (s) => answerWith(s, good, { 'grpc-status': 'x' }), Code.Internal, /grpc-status "x"/],
  [
    'a status that does not exist',
    (s) => answerWith(s, good, { 'grpc-status': '17' }),
    Code.Internal,
    /"17" must be 0 to 16/,
  ],
  [
    'a message and details that cannot be read',
    (s) =>
      s.respond(
        { ...head, 'grpc-status': '5', 'grpc-message': 'a%zz%41%ff', 'grpc-status-details-bin': '!' },
        { endStream: true },
      ),
    Code.NotFound,
    /^a%zzA\ufffd$/,
  ],
  [
    'another content type',
    (s) => answerWith(s, good, undefined, { 'content-type': 'text/html' }),
    Code.Unknown,
    /"text\/html"/,
  ],
  [
    'JSON',
    (s) => answerWith(s, good, undefined, { 'content-type': 'application/grpc+json' }),
    Code.Unknown,
    /grpc\+json/,
  ],
  ['a body that never ends', (s) => void s.respond({ ':status': 503 }), Code.Unavailable, /HTTP status 503/],
  ...(
    [
      [400, Code.Internal],
      [401, Code.Unauthenticated],
      [403, Code.PermissionDenied],
      [404, Code.Unimplemented],
      [429, Code.Unavailable],
      [502, Code.Unavailable],
      [503, Code.Unavailable],
      [504, Code.Unavailable],
      [500, Code.Unknown],
      [204, Code.Unknown],
    ] as const
  ).map(
    ([status, code]) =>
      [
        `HTTP ${status}`,
        (s: ServerHttp2Stream) => s.respond({ ':status': status }, { endStream: true }),
        code,
        new RegExp(`HTTP status ${status}`),
      ] as const,
  ),
  ...(
    [
      [constants.NGHTTP2_PROTOCOL_ERROR, Code.Internal, /PROTOCOL_ERROR/],
      [constants.NGHTTP2_INTERNAL_ERROR, Code.Internal, /INTERNAL_ERROR/],
      [constants.NGHTTP2_REFUSED_STREAM, Code.Unavailable, /REFUSED_STREAM/],
      [constants.NGHTTP2_CANCEL, Code.Canceled, /CANCEL/],
      [constants.NGHTTP2_ENHANCE_YOUR_CALM, Code.ResourceExhausted, /ENHANCE_YOUR_CALM/],
      [constants.NGHTTP2_INADEQUATE_SECURITY, Code.PermissionDenied, /INADEQUATE_SECURITY/],
      [99, Code.Internal, /code 99/],
    ] as const
  ).map(
    ([rstCode, code, said]) =>
      [`a reset with ${rstCode}`, (s: ServerHttp2Stream) => reset(s, rstCode), code, said] as const,
  ),
  [
    'a reset in the middle',
    (s) => {
      s.respond(head);
      s.write(good, () => reset(s, constants.NGHTTP2_INTERNAL_ERROR));
    },
    Code.Internal,
    /INTERNAL_ERROR/,
  ],
  [
    'more headers than fit',
    (s) => s.respond({ ...head, ...Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`x-${i}`, 'v'])) }),
    Code.Internal,
    /./,
  ],
];

test('whatever is wrong with an answer is told, and the stream is given back', async (t) => {
  let answer: (stream: ServerHttp2Stream) => void = () => {};
  const server = await oddServer((stream) => answer(stream));
  t.teardown(() => server.close());
  const c = client(OrderService, { outbound: server.address });
  for (const [what, given, code, said, ofStream] of odd) {
    answer = given;
    const unary = await t.throwsAsync(
      c.getOrder({ orderId }, { deadlineMs: 20_000 }),
      { instanceOf: ConnectError },
      what,
    );
    if (what !== 'more headers than fit') t.is(unary?.code, code, `${what}: ${unary?.message}`);
    t.regex(unary?.rawMessage ?? '', said, what);
    const watch = async () => {
      for await (const _ of c.watchOrder({ orderId }, { deadlineMs: 20_000 }));
    };
    if (ofStream) await t.notThrowsAsync(watch, what);
    else {
      const stream = await t.throwsAsync(watch, { instanceOf: ConnectError }, what);
      if (what !== 'more headers than fit') t.is(stream?.code, code, `${what}: ${stream?.message}`);
      t.regex(stream?.rawMessage ?? '', said, what);
    }
    await server.idle();
  }
  answer = (stream) => answerWith(stream, good);
  t.is((await c.getOrder({ orderId })).order?.orderId, orderId);
  t.is(server.sessions.size, 1, 'all of it was told on one connection');
});

test('an answer is taken, whatever comes after it', async (t) => {
  let answer: (stream: ServerHttp2Stream) => void = () => {};
  const server = await oddServer((stream) => answer(stream));
  t.teardown(() => server.close());
  const c = client(OrderService, { outbound: server.address });
  const answers: readonly ((stream: ServerHttp2Stream) => void)[] = [
    (s) => answerWith(s, good),
    (s) => answerWith(s, frameMessage(gzipSync(message), 1), undefined, { 'grpc-encoding': 'gzip' }),
    (s) =>
      answerWith(s, good, undefined, { 'content-type': 'application/grpc+proto; x=y', 'grpc-encoding': 'identity' }),
    (s) => {
      s.additionalHeaders({ ':status': 103 });
      answerWith(s, good);
    },
    // In pieces of a byte each.
    (s) => {
      s.respond(head, { waitForTrailers: true });
      s.on('wantTrailers', () => s.sendTrailers({ 'grpc-status': '0' }));
      for (const byte of good) s.write(Buffer.from([byte]));
      s.end();
    },
  ];
  for (const given of answers) {
    answer = given;
    t.is((await c.getOrder({ orderId }, { deadlineMs: 20_000 })).order?.orderId, orderId);
    await server.idle();
  }
});

test('peers that do not speak HTTP/2, or break it, fail calls and nothing else', async (t) => {
  const settings = frame(frameType.settings, 0, 0);
  const block = headerBlock({ ':status': '200', 'content-type': 'application/grpc' });
  const trailers = headerBlock({ 'grpc-status': '0' });
  const headers = frame(frameType.headers, flag.endHeaders, 1, block);
  const data = frame(frameType.data, 0, 1, good);
  const end = frame(frameType.headers, flag.endHeaders | flag.endStream, 1, trailers);
  const peers: readonly (readonly [what: string, bytes: Buffer, code: Code | undefined])[] = [
    ['HTTP/1.1', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), Code.Unavailable],
    ['noise', Buffer.alloc(100, 0xff), Code.Unavailable],
    [
      'a frame of 16 MiB',
      Buffer.concat([settings, Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1])]),
      Code.Unavailable,
    ],
    ['data after trailers', Buffer.concat([settings, headers, data, end, data]), undefined],
    [
      'trailers that do not end',
      Buffer.concat([settings, headers, data, frame(frameType.headers, flag.endHeaders, 1, trailers)]),
      Code.Internal,
    ],
    ['data before headers', Buffer.concat([settings, data]), Code.Unavailable],
    [
      'GOAWAY with an error',
      Buffer.concat([settings, frame(frameType.goaway, 0, 0, Buffer.from([0, 0, 0, 0, 0, 0, 0, 2]))]),
      Code.Unavailable,
    ],
  ];
  for (const [what, bytes, code] of peers) {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      // The settings at once; all else when the request has come, which is more than the preface.
      socket.write(bytes.subarray(0, 9));
      let seen = 0;
      socket.on('data', (chunk) => {
        const before = seen;
        seen += chunk.length;
        if (before < 150 && seen >= 150) socket.write(bytes.subarray(9));
        else if (!bytes.subarray(0, 9).equals(settings)) socket.end(bytes.subarray(9));
      });
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const outbound = `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
    const call = client(OrderService, { outbound }).getOrder({ orderId }, { deadlineMs: 5_000 });
    const error: unknown = await call.then(
      () => undefined,
      (failed: unknown) => failed,
    );
    t.is(error instanceof ConnectError ? error.code : error, code, `${what}: ${error}`);
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});

test('a unary call that a connection refused because it was going away goes to the next one, once', async (t) => {
  const settings = frame(frameType.settings, 0, 0);
  const goaway = frame(frameType.goaway, 0, 0, Buffer.alloc(8));
  const answer = Buffer.concat([
    frame(frameType.headers, flag.endHeaders, 1, headerBlock({ ':status': '200', 'content-type': 'application/grpc' })),
    frame(frameType.data, 0, 1, good),
    frame(frameType.headers, flag.endHeaders | flag.endStream, 1, headerBlock({ 'grpc-status': '0' })),
  ]);
  for (const [refusals, code] of [
    [1, undefined],
    [9, Code.Unavailable],
  ] as const) {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      socket.on('error', () => {});
      sockets.add(socket);
      const says = sockets.size <= refusals ? goaway : answer;
      socket.write(settings);
      let seen = 0;
      socket.on('data', (chunk) => {
        const before = seen;
        seen += chunk.length;
        if (before < 150 && seen >= 150) socket.write(says);
      });
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const outbound = `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
    const error: unknown = await client(OrderService, { outbound })
      .getOrder({ orderId }, { deadlineMs: 20_000 })
      .then(
        () => undefined,
        (failed: unknown) => failed,
      );
    t.is(error instanceof ConnectError ? error.code : error, code);
    t.is(sockets.size, 2);
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});
