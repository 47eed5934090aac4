import { connect } from 'node:http2';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import test from 'ava';
import { Contract } from '../contract.fixture.ts';
import { frameMessage } from '../grpc/frame.ts';
import { defaultLimits } from '../grpc/limits.ts';
import { grpcCode } from '../grpc/status.ts';
import { serving } from '../order-server.fixture.ts';
import { messageReader } from './message-reader.ts';

const contract = new Contract({
  'hostile/v1/hostile.proto': `
    edition = "2023";
    package hostile.v1;
    import "buf/validate/validate.proto";
    import "google/protobuf/struct.proto";
    service HostileService { rpc Send(Sent) returns (Sent); }
    message Sent {
      repeated Sent children = 1;
      map<string, string> labels = 2 [features.utf8_validation = NONE];
      repeated int64 packed = 3;
      repeated int64 expanded = 4 [features.repeated_field_encoding = EXPANDED];
      Sent group = 5 [features.message_encoding = DELIMITED];
      google.protobuf.Struct struct = 6;
      bytes bytes = 7;
      repeated fixed32 fixed = 8;
      map<int32, Sent> by_number = 9;
    }
    message Compared {
      repeated string names = 1 [(buf.validate.field).cel = {
        id: "names.differ" message: "names must differ"
        expression: "this.all(i, this.exists_one(j, j == i))"
      }];
      string text = 2 [(buf.validate.field).string.pattern = "^(a|aa)+$"];
      int32 divisor = 3 [(buf.validate.field).cel = {id: "d" message: "d" expression: "10 / this > 1"}];
    }
    message Labelled {
      map<string, string> labels = 1 [(buf.validate.field).map = {
        keys: {string: {pattern: "^[a-z]+$", max_len: 3000}}
      }];
      map<string, string> few = 2 [(buf.validate.field).map.max_pairs = 2];
      string short = 3 [(buf.validate.field).string.max_len = 5];
      bytes few_bytes = 4 [(buf.validate.field).bytes.max_len = 5];
      repeated string short_each = 5 [(buf.validate.field).repeated.items.string.max_bytes = 5];
      oneof one { string chosen = 6 [(buf.validate.field).string.max_len = 5]; }
      Labelled inner = 7;
      repeated Labelled many = 8;
    }`,
});
const Sent = contract.message('hostile.v1.Sent');

function repeat(bytes: readonly number[], times: number): Buffer {
  return Buffer.concat(Array.from({ length: times }, () => Buffer.from(bytes)));
}

function nested(open: readonly number[], close: readonly number[], depth: number): Buffer {
  return Buffer.concat([repeat(open, depth), repeat(close, depth)]);
}

/** Many bytes of Sent, by what is wrong with them. */
const hostile: Readonly<Record<string, Buffer>> = {
  'empty messages': repeat([0x0a, 0], 200_000),
  'empty messages one level down': Buffer.concat([Buffer.from([0x0a, 0x80, 0xb5, 0x18]), repeat([0x0a, 0], 200_000)]),
  'empty map entries': repeat([0x12, 0], 200_000),
  'map entries with a message': repeat([0x4a, 2, 0x12, 0], 200_000),
  'numbers one by one': repeat([0x20, 1], 200_000),
  'packed numbers': Buffer.concat([Buffer.from([0x1a, 0x80, 0xea, 0x30]), Buffer.alloc(800_000, 1)]),
  'packed numbers of four bytes': Buffer.concat([Buffer.from([0x42, 0x80, 0x92, 0xf4, 1]), Buffer.alloc(4_000_000)]),
  'unknown numbers': repeat([0x78, 1], 200_000),
  'unknown groups': repeat([0x7b, 0x7c], 200_000),
  'the same field again and again': repeat([0x3a, 0], 200_000),
  'the same group again and again': repeat([0x2b, 0x2c], 200_000),
  'a deep group': nested([0x2b], [0x2c], 300_000),
  'a deep unknown group': nested([0x7b], [0x7c], 300_000),
};

test('what would be too many objects, or too deep, is refused before it is decoded', (t) => {
  const read = messageReader(Sent, defaultLimits);
  for (const [name, bytes] of Object.entries(hostile)) {
    let cpuMs = Number.POSITIVE_INFINITY;
    for (let turn = 0; turn < 3; turn++) {
      const before = process.cpuUsage();
      const error = t.throws<Error & { code?: number }>(() => read(bytes), undefined, name);
      const { user, system } = process.cpuUsage(before);
      cpuMs = Math.min(cpuMs, (user + system) / 1_000);
      t.true(
        error?.code === grpcCode.resourceExhausted || error?.code === grpcCode.invalidArgument,
        `${name} ${error}`,
      );
    }
    t.true(cpuMs < 50, `${name}: ${cpuMs} ms`);
  }
});

test('large messages that are as large as they should be are read', (t) => {
  const read = messageReader(Sent, defaultLimits);
  const bytes = Buffer.concat([Buffer.from([0x3a, 0x80, 0x80, 0x80, 1]), Buffer.alloc(1 << 21)]);
  t.notThrows(() => read(bytes));
  t.notThrows(() => read(Buffer.concat([Buffer.from([0x1a, 0xc0, 0x9a, 0x0c]), Buffer.alloc(200_000, 1)])));
  t.notThrows(() => read(repeat([0x0a, 0x02, 0x20, 0x01], 16_000)));
  t.throws(() => read(Buffer.concat([Buffer.from([0x3a, 0x81, 0x80, 0x80, 1]), Buffer.alloc(1 << 21)])), {
    message: /is not a hostile\.v1\.Sent/,
  });
});

test('sizes are checked before rules, and the first that is broken is the answer', (t) => {
  const Labelled = contract.message('hostile.v1.Labelled');
  const read = messageReader(Labelled, defaultLimits);
  const cases: [string, number[]][] = [
    ['few', [0x12, 3, 0x0a, 1, 0x61, 0x12, 3, 0x0a, 1, 0x62, 0x12, 3, 0x0a, 1, 0x63]],
    ['short', [0x1a, 6, ...Buffer.from('abcdef')]],
    ['few_bytes', [0x22, 6, ...Buffer.from('abcdef')]],
    ['short_each[1]', [0x2a, 1, 0x61, 0x2a, 6, ...Buffer.from('ééé')]],
    ['chosen', [0x32, 6, ...Buffer.from('abcdef')]],
    ['inner.short', [0x3a, 8, 0x1a, 6, ...Buffer.from('abcdef')]],
    ['many[1].inner.short', [0x42, 0, 0x42, 10, 0x3a, 8, 0x1a, 6, ...Buffer.from('abcdef')]],
  ];
  for (const [path, bytes] of cases)
    t.throws(() => read(Buffer.from(bytes)), { message: new RegExp(`^${path.replace(/[[\].]/g, '\\$&')}: `) }, path);
  t.notThrows(() => read(Buffer.from([0x1a, 10, ...Buffer.from('ééééé')])), 'five characters of two bytes');
});

test('rules that would take too long do not run; one that cannot be evaluated is the message’s fault', (t) => {
  const read = messageReader(contract.message('hostile.v1.Compared'), defaultLimits);
  const many = Buffer.concat(
    Array.from({ length: 5_000 }, (_, i) => Buffer.from([0x0a, 4, ...Buffer.from(String(1_000 + i))])),
  );
  for (const bytes of [many, Buffer.concat([Buffer.from([0x12, 0x80, 0x80, 0x80, 1]), Buffer.alloc(1 << 21, 'a')])]) {
    const before = process.cpuUsage();
    const error = t.throws<Error & { code?: number }>(() => read(bytes));
    const { user, system } = process.cpuUsage(before);
    t.is(error?.code, grpcCode.resourceExhausted, error?.message);
    t.true((user + system) / 1_000 < 100);
  }
  t.like(
    t.throws(() => read(Buffer.from([0x18, 0]))),
    { code: grpcCode.invalidArgument },
  );
  t.notThrows(() => read(Buffer.from([0x18, 5, 0x0a, 1, 0x61, 0x0a, 1, 0x62, 0x12, 2, 0x61, 0x61])));
});

test('a rule broken by thousands of labels is a short INVALID_ARGUMENT', (t) => {
  const read = messageReader(contract.message('hostile.v1.Labelled'), defaultLimits);
  const label = (i: number) => {
    const key = Buffer.from(`K${i}`);
    return Buffer.concat([Buffer.from([0x0a, key.length + 2, 0x0a, key.length]), key]);
  };
  const bytes = Buffer.concat(Array.from({ length: 20_000 }, (_, i) => label(10_000 + i)));
  const error = t.throws<Error & { code?: number }>(() => read(bytes));
  t.is(error?.code, grpcCode.invalidArgument);
  t.true((error?.message.length ?? 0) < 1_000);
});

/** Sends bytes as they are; the HTTP status, the gRPC status and the body of the answer. */
async function send(
  address: string,
  path: string,
  contentType: string,
  body: Uint8Array,
  more: Record<string, string> = {},
) {
  const session = connect(`http://${address}`);
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': contentType, ...more });
  const headers: Record<string, unknown> = {};
  stream.on('response', (h) => Object.assign(headers, h));
  stream.on('trailers', (h) => Object.assign(headers, h));
  stream.end(body);
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  session.destroy();
  return { http: headers[':status'], grpc: headers['grpc-status'], text: Buffer.concat(chunks).toString() };
}

test('430 bytes of gzip are refused in every protocol, cheaply, and the server goes on', async (t) => {
  const server = await serving();
  const items = repeat([0x1a, 0], 200_000);
  const json = Buffer.from(`{"items":[${'{},'.repeat(199_999)}{}]}`);
  const path = '/bakery.orders.v1.OrderService/PlaceOrder';
  const gzipped = gzipSync(items);
  t.true(gzipped.length < 450);
  const gzippedJson = gzipSync(json);
  const attempts: [string, Uint8Array, Record<string, string>][] = [
    ['application/grpc', frameMessage(gzipped, 1), { 'grpc-encoding': 'gzip' }],
    ['application/grpc', frameMessage(items), {}],
    ['application/grpc-web+proto', frameMessage(gzipped, 1), { 'grpc-encoding': 'gzip' }],
    ['application/grpc-web+proto', frameMessage(items), {}],
    ['application/grpc-web+json', frameMessage(gzippedJson, 1), { 'grpc-encoding': 'gzip' }],
    ['application/grpc-web+json', frameMessage(json), {}],
    ['application/proto', gzipped, { 'content-encoding': 'gzip' }],
    ['application/proto', brotliCompressSync(items), { 'content-encoding': 'br' }],
    ['application/proto', items, {}],
    ['application/json', gzippedJson, { 'content-encoding': 'gzip' }],
    ['application/json; charset=utf-8', brotliCompressSync(json), { 'content-encoding': 'br' }],
    ['application/json', json, {}],
    ['application/json', Buffer.from(`{"items":${'['.repeat(500_000)}`), {}],
  ];
  for (const [contentType, body, more] of attempts) {
    const { http, grpc, text } = await send(server.address, path, contentType, body, more);
    const refused =
      grpc === '8' || /grpc-status: 8\r/.test(text) || /"code":"(resource_exhausted|invalid_argument)"/.test(text);
    t.true(refused, `${contentType} ${JSON.stringify(more)}: ${http} ${grpc} ${text.slice(0, 200)}`);
  }
  const zeros = gzipSync(Buffer.alloc(4 << 20));
  t.is(
    (await send(server.address, path, 'application/grpc', frameMessage(zeros, 1), { 'grpc-encoding': 'gzip' })).grpc,
    '8',
  );
  await server.close();
});

test('bytes that are no message are INVALID_ARGUMENT in every protocol', async (t) => {
  const server = await serving();
  const path = '/bakery.orders.v1.OrderService/PlaceOrder';
  const malformed: Record<string, Buffer> = {
    'a number without an end': repeat([0xff], 4),
    'text that is not UTF-8': Buffer.from([0x0a, 2, 0xff, 0xfe]),
    'a field that ends after its message': Buffer.from([0x0a, 9, 0x61]),
    'a group without an end': repeat([0x9b, 0x06], 50),
    'groups that are too deep': nested([0x9b, 0x06], [0x9c, 0x06], 1_000),
    'an illegal tag': Buffer.from([0x1f]),
    'another wire type': Buffer.from([0x08, 1]),
  };
  for (const [name, bytes] of Object.entries(malformed)) {
    t.is((await send(server.address, path, 'application/grpc', frameMessage(bytes))).grpc, '3', name);
    const web = await send(server.address, path, 'application/grpc-web+proto', frameMessage(bytes));
    t.regex(web.text, /grpc-status: 3\r/, name);
    const whole = await send(server.address, path, 'application/proto', bytes);
    t.is(whole.http, 400, name);
    t.regex(
      whole.text,
      /"invalid_argument","message":"the request is not a bakery\.orders\.v1\.PlaceOrderRequest/,
      name,
    );
  }
  await server.close();
});
