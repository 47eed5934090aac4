import { createRegistry, fromBinary, fromJsonString, type JsonValue, toBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { Contract } from '../contract.fixture.ts';
import { canonicalForm } from './canonical-form.ts';

const contract = new Contract({
  'keyed/v1/keyed.proto': `
    edition = "2023";
    package keyed.v1;
    import "google/protobuf/any.proto";
    import "google/protobuf/struct.proto";
    import "weft/policy/v1/policy.proto";
    message Request {
      string key = 1;
      map<string, int32> labels = 2;
      map<bool, Request> inner = 3;
      repeated int32 packed = 4;
      repeated int32 expanded = 5 [features.repeated_field_encoding = EXPANDED];
      double explicit = 6;
      double implicit = 7 [features.field_presence = IMPLICIT];
      string secret = 8 [(weft.policy.v1.field).sensitive = true];
      google.protobuf.Any any = 9;
      google.protobuf.Struct struct = 10;
      Request group = 11 [features.message_encoding = DELIMITED];
      oneof one { int32 number = 12; string text = 13; }
      int64 long = 14;
      Kind kind = 15;
      float small = 16 [features.field_presence = IMPLICIT];
      bytes bytes = 17;
      map<int64, double> by_number = 18;
    }
    enum Kind { KIND_UNSPECIFIED = 0; KIND_ONE = 1; }`,
});
const schema = contract.message('keyed.v1.Request');
const types = createRegistry(contract.files);

function hex(bytes: Uint8Array): string {
  return Buffer.from(canonicalForm(schema, fromBinary(schema, bytes), types)).toString('hex');
}

function ofJson(json: JsonValue | string): string {
  const text = typeof json === 'string' ? json : JSON.stringify(json);
  return hex(toBinary(schema, fromJsonString(schema, text, { registry: types })));
}

const float = (tag: number, value: number) => {
  const bytes = Buffer.alloc(9);
  bytes[0] = tag;
  bytes.writeDoubleLE(value, 1);
  return bytes;
};

test('the same request is the same however it is sent', (t) => {
  const same: [string, string, string][] = [
    ['map order', ofJson('{"labels":{"a":1,"b":2,"c":3}}'), ofJson('{"labels":{"c":3,"b":2,"a":1}}')],
    [
      'map order within maps',
      ofJson({ inner: { true: { labels: { a: 1, b: 2 } }, false: {} } }),
      ofJson({ inner: { false: {}, true: { labels: { b: 2, a: 1 } } } }),
    ],
    [
      'struct order',
      ofJson({ struct: { a: 1, b: { c: 2, d: [3] } } }),
      ofJson({ struct: { b: { d: [3], c: 2 }, a: 1 } }),
    ],
    [
      'any',
      ofJson({ any: { '@type': 't/keyed.v1.Request', labels: { a: 1, b: 2 } } }),
      ofJson({ any: { labels: { b: 2, a: 1 }, '@type': 'u/keyed.v1.Request' } }),
    ],
    ['field order', hex(Buffer.from([0x70, 5, 0x78, 1])), hex(Buffer.from([0x78, 1, 0x70, 5]))],
    ['packed and not', hex(Buffer.from([0x22, 2, 1, 2])), hex(Buffer.from([0x20, 1, 0x20, 2]))],
    ['expanded and not', hex(Buffer.from([0x2a, 2, 1, 2])), hex(Buffer.from([0x28, 1, 0x28, 2]))],
    ['long varints', hex(Buffer.from([0x70, 5])), hex(Buffer.from([0x70, 0x85, 0x80, 0]))],
    ['the last of a field', hex(Buffer.from([0x70, 4, 0x70, 5])), hex(Buffer.from([0x70, 5]))],
    [
      'a message in two parts',
      hex(Buffer.from([0x5b, 0x70, 5, 0x5c, 0x5b, 0x78, 1, 0x5c])),
      hex(Buffer.from([0x5b, 0x70, 5, 0x78, 1, 0x5c])),
    ],
    ['default without presence', hex(float(0x39, 0)), hex(Buffer.alloc(0))],
    ['minus zero without presence', hex(float(0x39, -0)), hex(Buffer.alloc(0))],
    ['minus zero with presence', hex(float(0x31, -0)), hex(float(0x31, 0))],
    [
      'kinds of NaN',
      hex(Buffer.from([0x31, 1, 0, 0, 0, 0, 0, 0xf8, 0x7f])),
      hex(Buffer.from([0x31, 0, 0, 0, 0, 0, 0, 0xf8, 0xff])),
    ],
    ['unknown fields', hex(Buffer.from([0xf8, 7, 1])), hex(Buffer.alloc(0))],
    ['sensitive fields', ofJson({ secret: 'a' }), ofJson({ secret: 'b' })],
    ['a name and its alias', ofJson({ byNumber: { 1: 2 } }), ofJson({ by_number: { 1: 2 } })],
  ];
  for (const [name, a, b] of same) t.is(a, b, name);
});

test('another request is another', (t) => {
  const requests: JsonValue[] = [
    {},
    { explicit: 0 },
    { number: 0 },
    { text: '' },
    { long: '0' },
    { long: '1' },
    { kind: 'KIND_UNSPECIFIED' },
    { inner: { true: {} } },
    { inner: { false: {} } },
    { group: {} },
    { labels: { a: 1 } },
    { labels: { a: 1, b: 1 } },
    { labels: { a: 0 } },
    { labels: { '': 1 } },
    { packed: [1, 2] },
    { packed: [2, 1] },
    { packed: [12] },
    { expanded: [1, 2] },
    { any: {} },
    { any: { '@type': 't/keyed.v1.Request' } },
    { any: { '@type': 't/keyed.v1.Request', long: '1' } },
    { struct: {} },
    { struct: { a: null } },
    { struct: { a: [] } },
    { struct: { a: {} } },
    { struct: { a: '1' } },
    { struct: { a: 1 } },
    { bytes: '' },
    { bytes: 'AA==' },
    { explicit: 'NaN' },
    { explicit: 'Infinity' },
    { small: 1 },
    { byNumber: { 1: 0 } },
    { byNumber: { '-1': 0 } },
  ];
  const seen = new Map<string, JsonValue>();
  for (const request of requests) {
    const form = ofJson(request);
    t.false(seen.has(form), `${JSON.stringify(request)} is as ${JSON.stringify(seen.get(form))}`);
    seen.set(form, request);
  }
});
