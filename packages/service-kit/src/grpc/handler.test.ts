import { once } from 'node:events';
import { connect, constants, createServer, type IncomingHttpHeaders } from 'node:http2';
import { type AddressInfo, connect as connectSocket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { compressionAlgorithms, Metadata, status } from '@grpc/grpc-js';
import test from 'ava';
import type { GrpcMethod } from './call.ts';
import { frameMessage } from './frame.ts';
import { createGrpcHandler, http2Options } from './handler.ts';
import type { Limits } from './limits.ts';
import { bytes, callUnary, referenceClient } from './reference-client.fixture.ts';

const echo: GrpcMethod = (call) => call.readOne((message) => call.finish({ code: 0 }, call.frame(message)));

/** A server for the test, and a client of it. */
async function serving(methods: Record<string, GrpcMethod>, limits: Partial<Limits> = {}) {
  const errors: unknown[] = [];
  const server = createServer(http2Options(limits));
  const handler = createGrpcHandler({
    methods: new Map(Object.entries(methods)),
    limits,
    onError: (error) => errors.push(error),
  });
  server.on('stream', handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = referenceClient(target);
  return {
    target,
    client,
    errors,
    close() {
      client.close();
      server.close();
    },
  };
}

/** A request with any bytes as its body; what came back. */
async function raw(target: string, headers: Record<string, string>, body: Uint8Array) {
  const session = connect(`http://${target}`);
  session.on('error', () => {});
  const stream = session.request({
    ':method': 'POST',
    ':path': '/t/Echo',
    'content-type': 'application/grpc',
    ...headers,
  });
  let response: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | undefined;
  const chunks: Buffer[] = [];
  stream.on('response', (received) => {
    response = received;
  });
  stream.on('trailers', (received) => {
    trailers = received;
  });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', () => {});
  stream.end(body);
  await once(stream, 'close');
  session.destroy();
  const told = trailers ?? response;
  return {
    response,
    httpStatus: Number(response[':status']),
    trailers,
    body: Buffer.concat(chunks),
    status: Number(told['grpc-status']),
    message: decodeURIComponent(String(told['grpc-message'] ?? '')),
  };
}

test('a unary call is answered, with metadata both ways', async (t) => {
  const s = await serving({
    '/t/Echo': (call) =>
      call.readOne((message) => {
        call.respond({ 'x-seen': String(call.headers['x-sent']), 'y-bin': String(call.headers['x-bin']) });
        call.finish({ code: 0, trailers: { 'x-last': 'yes' } }, call.frame(message));
      }),
  });
  const metadata = new Metadata();
  metadata.set('x-sent', 'a');
  metadata.set('x-bin', Buffer.from([0, 255, 1]));
  const { response, headers, trailers } = await callUnary(s.client, '/t/Echo', Buffer.from('hello'), { metadata });
  t.is(response?.toString(), 'hello');
  t.deepEqual(headers?.get('x-seen'), ['a']);
  t.deepEqual(headers?.get('y-bin'), [Buffer.from([0, 255, 1])]);
  t.deepEqual(trailers?.get('x-last'), ['yes']);
  s.close();
});

test('an error is one frame, its message any text, its details google.rpc.Status', async (t) => {
  const s = await serving({
    '/t/Echo': (call) => call.finish({ code: status.NOT_FOUND, message: 'kein Käse, 100 %\n' }),
  });
  const { error } = await callUnary(s.client, '/t/Echo', Buffer.from(''));
  t.is(error?.code, status.NOT_FOUND);
  t.is(error?.details, 'kein Käse, 100 %\n');
  const answer = await raw(s.target, {}, frameMessage(Buffer.from('x')));
  t.is(answer.response['grpc-status'], '5');
  t.is(answer.trailers, undefined);
  s.close();
});

test('a handler that throws or rejects is INTERNAL and tells the caller nothing', async (t) => {
  const s = await serving({
    '/t/Throws': () => {
      throw new Error('password 1234');
    },
    '/t/Rejects': async () => {
      throw new Error('password 1234');
    },
  });
  for (const path of ['/t/Throws', '/t/Rejects']) {
    const { error } = await callUnary(s.client, path, Buffer.from(''));
    t.is(error?.code, status.INTERNAL);
    t.notRegex(error?.details ?? '', /1234/);
  }
  t.is(s.errors.length, 2);
  s.close();
});

test('streams both ways keep each message and the order', async (t) => {
  const s = await serving({
    '/t/Echo': async (call) => {
      for await (const message of call.messages) if (!call.write(call.frame(message))) await call.drained();
      call.finish({ code: 0 });
    },
  });
  const call = s.client.makeBidiStreamRequest('/t/Echo', bytes, bytes, new Metadata());
  const count = 2_000;
  const received: number[] = [];
  const large = Buffer.alloc(2_000);
  call.on('data', (message: Buffer) => received.push(message.readUInt32BE(0)));
  for (let i = 0; i < count; i++) {
    const message = i % 10 === 0 ? Buffer.from(large) : Buffer.alloc(4);
    message.writeUInt32BE(i);
    if (!call.write(message)) await once(call, 'drain');
  }
  call.end();
  const [end] = await once(call, 'status');
  t.is(end.code, status.OK);
  t.deepEqual(
    received,
    Array.from({ length: count }, (_, i) => i),
  );
  s.close();
});

test('a writer is held back while the caller does not read', async (t) => {
  let written = 0;
  let heldBack: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    heldBack = resolve;
  });
  const s = await serving({
    '/t/Many': async (call) => {
      const message = frameMessage(Buffer.alloc(256 * 1024));
      for (let i = 0; i < 100; i++) {
        written += 1;
        if (!call.write(message)) {
          heldBack();
          await call.drained();
        }
      }
      call.finish({ code: 0 });
    },
  });
  const call = s.client.makeServerStreamRequest('/t/Many', bytes, bytes, Buffer.alloc(0), new Metadata());
  await held;
  t.true(written < 100);
  let received = 0;
  call.on('data', () => {
    received += 1;
  });
  await once(call, 'status');
  t.is(received, 100);
  s.close();
});

test('a reader that is slow holds the caller back', async (t) => {
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const s = await serving({
    '/t/Slow': async (call) => {
      await released;
      let received = 0;
      for await (const message of call.messages) received += message.length;
      call.finish({ code: 0 }, frameMessage(Buffer.from(String(received))));
    },
  });
  const session = connect(`http://${s.target}`);
  const stream = session.request({ ':method': 'POST', ':path': '/t/Slow', 'content-type': 'application/grpc' });
  const message = frameMessage(Buffer.alloc(1024 * 1024));
  let sent = 0;
  while (sent < 64 && stream.write(message)) sent += 1;
  t.true(stream.writableNeedDrain);
  release();
  for (; sent < 8; sent++) stream.write(message);
  stream.end();
  stream.resume();
  const [trailers] = await once(stream, 'trailers');
  t.is(trailers['grpc-status'], '0');
  session.destroy();
  s.close();
});

test('the deadline ends a call and aborts its signal', async (t) => {
  const aborted = Promise.withResolvers<unknown>();
  const s = await serving({
    '/t/Hangs': (call) => {
      call.signal.addEventListener('abort', () => aborted.resolve(call.signal.reason));
      t.true(call.deadline !== undefined && call.deadline - Date.now() <= 50);
      return new Promise(() => {});
    },
  });
  const answer = await raw(s.target, { ':path': '/t/Hangs', 'grpc-timeout': '50m' }, frameMessage(Buffer.from('x')));
  t.is(answer.status, status.DEADLINE_EXCEEDED);
  t.is((answer.trailers ?? answer.response)['x-weft-failure'], 'late');
  t.is(((await aborted.promise) as { code: number }).code, status.DEADLINE_EXCEEDED);
  s.close();
});

test('a grpc-timeout that cannot be read is INVALID_ARGUMENT', async (t) => {
  const s = await serving({ '/t/Echo': echo });
  for (const timeout of ['5', '1x', '123456789S', '-1S', '']) {
    const answer = await raw(s.target, { 'grpc-timeout': timeout }, frameMessage(Buffer.from('x')));
    t.is(answer.status, status.INVALID_ARGUMENT, timeout);
  }
  t.is((await raw(s.target, { 'grpc-timeout': '99999999H' }, frameMessage(Buffer.from('x')))).status, status.OK);
  s.close();
});

test('a caller that cancels aborts the signal and ends the messages', async (t) => {
  const reading = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<unknown>();
  const signalled = Promise.withResolvers<unknown>();
  const s = await serving({
    '/t/Reads': async (call) => {
      call.signal.addEventListener('abort', () => signalled.resolve(call.signal.reason));
      reading.resolve();
      try {
        for await (const _ of call.messages);
      } catch (error) {
        ended.resolve(error);
      }
    },
  });
  const call = s.client.makeBidiStreamRequest('/t/Reads', bytes, bytes, new Metadata());
  call.on('error', () => {});
  call.write(Buffer.from('x'));
  await reading.promise;
  call.cancel();
  t.is(((await ended.promise) as { code: number }).code, status.CANCELLED);
  t.is(await signalled.promise, await ended.promise);
  s.close();
});

test('each message can be taken as it arrives, until the request ends', async (t) => {
  const s = await serving({
    '/t/Count': async (call) => {
      const lengths: number[] = [];
      await call.readEach((message) => lengths.push(message.length));
      call.finish({ code: 0 }, call.frame(Buffer.from(lengths.join())));
    },
  });
  const call = s.client.makeClientStreamRequest('/t/Count', bytes, bytes, new Metadata(), (_error, answer) =>
    answered.resolve(answer),
  );
  const answered = Promise.withResolvers<Buffer | undefined>();
  for (const length of [0, 3, 100_000, 7]) call.write(Buffer.alloc(length));
  call.end();
  t.is((await answered.promise)?.toString(), '0,3,100000,7');
  s.close();
});

test('taking each message ends with an error when the connection breaks, and quietly when the call ends', async (t) => {
  const reading = Promise.withResolvers<void>();
  const broken = Promise.withResolvers<unknown>();
  const finished = Promise.withResolvers<void>();
  const s = await serving({
    '/t/Broken': (call) => call.readEach(() => reading.resolve()).catch(broken.resolve),
    '/t/Finished': async (call) => {
      await call.readEach(() => call.finish({ code: 0 }));
      finished.resolve();
    },
  });
  const session = connect(`http://${s.target}`);
  session.on('error', () => {});
  const headers = { ':method': 'POST', 'content-type': 'application/grpc' };
  const open = (path: string) => session.request({ ...headers, ':path': path }).on('error', () => {});
  open('/t/Finished')
    .resume()
    .write(frameMessage(Buffer.from('x')));
  await finished.promise;
  open('/t/Broken').write(frameMessage(Buffer.from('x')));
  await reading.promise;
  session.destroy();
  t.is(((await broken.promise) as { code: number }).code, status.CANCELLED);
  t.deepEqual(s.errors, []);
  s.close();
});

test('a caller whose connection breaks aborts the signal', async (t) => {
  const entered = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<unknown>();
  const s = await serving({
    '/t/Hangs': (call) => {
      call.signal.addEventListener('abort', () => aborted.resolve(call.signal.reason));
      entered.resolve();
    },
  });
  const [host, port] = s.target.split(':');
  const socket = connectSocket({ host: host ?? '', port: Number(port) });
  const session = connect(`http://${s.target}`, { createConnection: () => socket });
  session.on('error', () => {});
  const stream = session.request({ ':method': 'POST', ':path': '/t/Hangs', 'content-type': 'application/grpc' });
  stream.on('error', () => {});
  stream.end(frameMessage(Buffer.from('x')));
  await entered.promise;
  socket.destroy();
  t.is(((await aborted.promise) as { code: number }).code, status.CANCELLED);
  s.close();
});

test('compressed requests are read and answered in the same way', async (t) => {
  const s = await serving({ '/t/Echo': echo });
  const large = Buffer.alloc(100_000, 'abc');
  for (const algorithm of [compressionAlgorithms.gzip, compressionAlgorithms.deflate]) {
    const client = referenceClient(s.target, { 'grpc.default_compression_algorithm': algorithm });
    t.deepEqual((await callUnary(client, '/t/Echo', large)).response, large);
    client.close();
  }
  const compressed = await raw(s.target, { 'grpc-encoding': 'gzip' }, frameMessage(gzipSync(large), 1));
  t.is(compressed.response['grpc-encoding'], 'gzip');
  t.is(compressed.body[0], 1);
  t.true(compressed.body.length < 2_000);
  const small = await raw(s.target, { 'grpc-encoding': 'gzip' }, frameMessage(gzipSync(Buffer.from('x')), 1));
  t.is(small.body[0], 0);
  s.close();
});

test('an answer is compressed only with what the caller accepts', async (t) => {
  const s = await serving({ '/t/Echo': echo });
  const large = Buffer.alloc(100_000, 'abc');
  const answered: readonly (readonly [Record<string, string>, string | undefined])[] = [
    [{ 'grpc-encoding': 'gzip', 'grpc-accept-encoding': 'identity' }, undefined],
    [{ 'grpc-encoding': 'gzip', 'grpc-accept-encoding': 'snappy' }, undefined],
    [{ 'grpc-encoding': 'gzip', 'grpc-accept-encoding': '' }, undefined],
    [{ 'grpc-encoding': 'gzip', 'grpc-accept-encoding': 'identity,deflate,gzip' }, 'gzip'],
    [{ 'grpc-encoding': 'gzip', 'grpc-accept-encoding': 'identity, deflate' }, 'deflate'],
    [{ 'grpc-encoding': 'identity', 'grpc-accept-encoding': 'gzip' }, undefined],
    [{ 'grpc-accept-encoding': 'gzip' }, undefined],
  ];
  for (const [headers, encoding] of answered) {
    const isPacked = headers['grpc-encoding'] === 'gzip';
    const request = isPacked ? frameMessage(gzipSync(large), 1) : frameMessage(large);
    const answer = await raw(s.target, headers, request);
    const what = JSON.stringify(headers);
    t.is(answer.status, 0, what);
    t.is(answer.response['grpc-encoding'], encoding, what);
    t.is(answer.body[0], encoding ? 1 : 0, what);
    t.is(answer.body.length === large.length + 5, encoding === undefined, what);
  }
  const unknown = await raw(s.target, { 'grpc-encoding': 'snappy' }, frameMessage(large, 1));
  t.is(unknown.status, status.UNIMPLEMENTED);
  t.is(unknown.response['grpc-accept-encoding'], 'identity,gzip,deflate');
  s.close();
});

test('what is wrong with a request is told by its code', async (t) => {
  const s = await serving({ '/t/Echo': echo }, { maxMessageBytes: 10_000 });
  const message = frameMessage(Buffer.from('x'));
  const bomb = gzipSync(Buffer.alloc(50_000_000));
  const gzip = { 'grpc-encoding': 'gzip' };
  const cases: [string, Record<string, string>, Uint8Array, number, RegExp][] = [
    ['unknown method', { ':path': '/t/Nope' }, message, status.UNIMPLEMENTED, /\/t\/Nope/],
    ['no message', {}, Buffer.alloc(0), status.UNIMPLEMENTED, /none/],
    ['two messages', {}, Buffer.concat([message, message]), status.UNIMPLEMENTED, /several/],
    ['half a prefix', {}, message.subarray(0, 3), status.INTERNAL, /within a message/],
    ['half a message', {}, Buffer.from([0, 0, 0, 0, 9, 1]), status.INTERNAL, /within a message/],
    ['unknown flags', {}, Buffer.from([7, 0, 0, 0, 0]), status.INTERNAL, /flags 7/],
    ['too large', {}, frameMessage(Buffer.alloc(10_001)), status.RESOURCE_EXHAUSTED, /10001 .* 10000/],
    ['announced too large', {}, Buffer.from([0, 255, 255, 255, 255]), status.RESOURCE_EXHAUSTED, /4294967295/],
    ['too large when unpacked', gzip, frameMessage(bomb.subarray(0, 9_000), 1), status.RESOURCE_EXHAUSTED, /10000/],
    ['not gzip', gzip, frameMessage(Buffer.from('no gzip'), 1), status.INVALID_ARGUMENT, /not gzip/],
    ['compressed with nothing', {}, frameMessage(Buffer.from('x'), 1), status.INTERNAL, /grpc-encoding/],
    ['unknown encoding', { 'grpc-encoding': 'snappy' }, message, status.UNIMPLEMENTED, /identity,gzip,deflate/],
  ];
  for (const [name, headers, body, code, text] of cases) {
    const answer = await raw(s.target, headers, body);
    t.is(answer.status, code, name);
    t.regex(answer.message, text, name);
  }
  t.is((await raw(s.target, {}, message)).status, status.OK);
  s.close();
});

test('what is not gRPC is refused by HTTP', async (t) => {
  const s = await serving({ '/t/Echo': echo });
  t.is((await raw(s.target, { 'content-type': 'text/plain' }, Buffer.alloc(0))).httpStatus, 415);
  t.is((await raw(s.target, { 'content-type': 'application/grpc+json' }, Buffer.alloc(0))).httpStatus, 415);
  t.is((await raw(s.target, { ':method': 'PUT' }, Buffer.alloc(0))).httpStatus, 405);
  s.close();
});

test('10,000 headers end that call and nothing else', async (t) => {
  const s = await serving({ '/t/Echo': echo });
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`x-${i}`, 'y']));
  const answer = await raw(s.target, many, frameMessage(Buffer.from('x'))).catch(() => undefined);
  t.not(answer?.status, 0);
  t.is((await callUnary(s.client, '/t/Echo', Buffer.from('x'))).response?.toString(), 'x');
  s.close();
});

test('a connection has as many calls at once as it may', async (t) => {
  const s = await serving({ '/t/Echo': echo }, { maxConcurrentStreams: 7 });
  const session = connect(`http://${s.target}`);
  await once(session, 'remoteSettings');
  t.is(session.remoteSettings.maxConcurrentStreams, 7);
  session.destroy();
  s.close();
});

test('the rest of a request is refused when its answer is out', async (t) => {
  const s = await serving({ '/t/Early': (call) => call.finish({ code: status.FAILED_PRECONDITION, message: 'no' }) });
  const session = connect(`http://${s.target}`);
  const stream = session.request({ ':method': 'POST', ':path': '/t/Early', 'content-type': 'application/grpc' });
  stream.on('error', () => {});
  stream.write(frameMessage(Buffer.alloc(100_000)));
  const [headers] = await once(stream, 'response');
  t.is(headers['grpc-status'], '9');
  stream.resume();
  await once(stream, 'close');
  t.is(stream.rstCode, constants.NGHTTP2_NO_ERROR);
  session.destroy();
  s.close();
});
