import type { JsonValue } from '@bufbuild/protobuf';
import test from 'ava';
import { Contract } from '../contract.fixture.ts';
import { frameMessage } from '../grpc/frame.ts';
import { type Server, type ServiceImplementation, serve } from '../index.ts';

const contract = new Contract({
  'meaning/v1/meaning.proto': `
    edition = "2023";
    package meaning.v1;
    import "google/protobuf/any.proto";
    import "google/protobuf/struct.proto";
    import "google/protobuf/wrappers.proto";
    import "meaning/v1/imported.proto";
    service MeaningService {
      rpc Echo(Meaning) returns (Meaning) { option idempotency_level = NO_SIDE_EFFECTS; }
      rpc Repeat(Meaning) returns (stream Meaning);
    }
    message Meaning {
      int64 big = 1;
      repeated uint64 list_of_big = 2;
      map<string, sint64> map_of_big = 3;
      google.protobuf.Int64Value wrapped = 4;
      google.protobuf.Any any = 5;
      google.protobuf.Struct struct = 6;
      Meaning inner = 7;
      double double = 8;
      string text = 9;
      fixed64 fixed = 10;
      oneof one { sfixed64 chosen = 11; }
      map<int32, Meaning> by_number = 12;
      Imported imported = 13;
    }`,
  'meaning/v1/imported.proto': 'edition = "2023"; package meaning.v1; message Imported { int64 big = 1; }',
  'meaning/v1/other.proto': 'edition = "2023"; package meaning.v1; message Other { string name = 1; }',
});
const service = contract.service('meaning.v1.MeaningService');
const echo: ServiceImplementation = {
  service,
  methods: service.methods.map((method) => ({
    method,
    handle: (request) =>
      method.methodKind === 'unary'
        ? request
        : (async function* () {
            yield request;
          })(),
  })),
};

let server: Server;
test.before(async () => {
  const other = contract.files.getFile('meaning/v1/other.proto');
  server = await serve({ services: [echo], listen: '127.0.0.1:0', drainMs: 0, types: other ? [other] : [] });
});
test.after.always(() => server.close());

/** The answers to a JSON text: by POST, GET, as a stream of Connect and as gRPC-Web. The code of an error in its place. */
async function answers(json: string): Promise<unknown[]> {
  const url = `http://${server.address}/meaning.v1.MeaningService`;
  const post = (method: string, contentType: string, body: Uint8Array) =>
    fetch(`${url}/${method}`, { method: 'POST', headers: { 'content-type': contentType }, body: Buffer.from(body) });
  const unary = async (response: Response) => {
    const answer: { code?: string } = JSON.parse(await response.text());
    return response.status === 200 ? answer : answer.code;
  };
  const framed = async (response: Response) => {
    const bytes = Buffer.from(await response.arrayBuffer());
    const first = bytes.subarray(5, 5 + bytes.readUInt32BE(1)).toString();
    if (bytes[0] === 0) return JSON.parse(first);
    const status = /grpc-status: (\d+)/.exec(first)?.[1];
    return status === undefined ? JSON.parse(first).error.code : status === '3' ? 'invalid_argument' : status;
  };
  return Promise.all([
    post('Echo', 'application/json', Buffer.from(json)).then(unary),
    fetch(`${url}/Echo?encoding=json&message=${encodeURIComponent(json)}`).then(unary),
    post('Echo', 'application/grpc-web+json', frameMessage(Buffer.from(json))).then(framed),
    post('Repeat', 'application/connect+json', frameMessage(Buffer.from(json))).then(framed),
  ]);
}

const big = '9007199254740993';

test('64-bit integers keep all of their digits wherever they stand', async (t) => {
  const cases: [string, JsonValue][] = [
    [`{"big": ${big}}`, { big }],
    [`{"big":-${big}}`, { big: `-${big}` }],
    [`{"big": ${big}.0}`, { big }],
    ['{"big": 9.007199254740993e15}', { big }],
    ['{"big": 900719925474099300e-2}', { big }],
    ['{"big": 9223372036854775807}', { big: '9223372036854775807' }],
    ['{"big": -9223372036854775808}', { big: '-9223372036854775808' }],
    [`{"b\\u0069g" : ${big}}`, { big }],
    [`{"listOfBig": [1, ${big}, 18446744073709551615]}`, { listOfBig: ['1', big, '18446744073709551615'] }],
    [`{"list_of_big": [${big}]}`, { listOfBig: [big] }],
    [`{"mapOfBig": {"a\\"}": ${big}, "b": 2}}`, { mapOfBig: { 'a"}': big, b: '2' } }],
    [`{"wrapped": ${big}}`, { wrapped: big }],
    [`{"inner": {"inner": {"fixed": ${big}}}}`, { inner: { inner: { fixed: big } } }],
    [`{"chosen": ${big}}`, { chosen: big }],
    [`{"byNumber": {"7": {"big": ${big}}}}`, { byNumber: { 7: { big } } }],
    [`{"imported": {"big": ${big}}}`, { imported: { big } }],
    [
      `{"any": {"@type": "type.googleapis.com/meaning.v1.Meaning", "big": "${big}"}}`,
      { any: { '@type': 'type.googleapis.com/meaning.v1.Meaning', big } },
    ],
    [
      `{"text": "{\\"big\\": ${big}", "big": ${big}, "unknown": [${big}, {"a": ${big}}]}`,
      { text: `{"big": ${big}`, big },
    ],
    [`{"struct": {"n": ${big}}, "big": ${big}}`, { struct: { n: 9007199254740992 }, big }],
    [`{"double": ${big}, "big": 1}`, { double: 9007199254740992, big: '1' }],
    [
      '{"double": 0.12345678901234567, "any": null, "inner": null, "big": 12345678901234567}',
      { double: Number('0.12345678901234567'), big: '12345678901234567' },
    ],
  ];
  for (const [json, expected] of cases) for (const answer of await answers(json)) t.deepEqual(answer, expected, json);
});

test('what is no such integer is refused', async (t) => {
  for (const json of [
    '{"big": 9223372036854775808}',
    '{"big": 9007199254740993.5}',
    '{"big": 1e400}',
    '{"big": 1e99999999999}',
    '{"listOfBig": [-9007199254740993]}',
    `{"any": {"@type": "x/meaning.v1.Meaning", "big": ${big}}}`,
    `{"big": ${big}`,
    `{"big": ${big}} x`,
    `{"big": 0${big}}`,
    `{"text": ${big}}`,
    `{"big": ${big}, "big": 1}`,
  ])
    for (const answer of await answers(json)) t.is(answer, 'invalid_argument', json);
});

test('what is not UTF-8 is refused', async (t) => {
  const body = Buffer.concat([Buffer.from('{"text": "'), Buffer.from([0xff]), Buffer.from('"}')]);
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`http://${server.address}/meaning.v1.MeaningService/Echo`, {
    method: 'POST',
    headers,
    body,
  });
  t.is(response.status, 400);
});

test('an Any holds types of the service, its imports, of everybody, and of files that serve() is given', async (t) => {
  const held: Record<string, JsonValue>[] = [
    { '@type': 'type.googleapis.com/meaning.v1.Imported', big: '1' },
    { '@type': 'type.googleapis.com/meaning.v1.Other', name: 'o' },
    { '@type': 'type.googleapis.com/google.protobuf.Empty' },
    { '@type': 'type.googleapis.com/google.protobuf.Duration', value: '1.500s' },
    { '@type': 'type.googleapis.com/google.protobuf.Timestamp', value: '2026-01-01T00:00:00Z' },
    { '@type': 'type.googleapis.com/google.protobuf.FieldMask', value: 'a,b' },
    { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: 's' },
    { '@type': 'type.googleapis.com/google.protobuf.Struct', value: { a: 1 } },
    { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'R', domain: 'd' },
    { '@type': 'type.googleapis.com/google.rpc.Status', code: 3, message: 'm' },
    { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1s' },
  ];
  for (const any of held) for (const answer of await answers(JSON.stringify({ any }))) t.deepEqual(answer, { any });
});
