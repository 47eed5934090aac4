import { connect } from 'node:http2';
import test from 'ava';
import { Contract } from '../contract.fixture.ts';
import { frameMessage } from '../grpc/frame.ts';
import { type ServiceImplementation, serve } from '../index.ts';

const contract = new Contract({
  'required/v1/required.proto': `
    syntax = "proto2";
    package required.v1;
    import "required/v1/edition.proto";
    service RequiredService { rpc Send(Outer) returns (Outer); }
    message Outer {
      required string name = 1;
      optional Inner inner = 2;
      repeated Inner many = 3;
      map<string, Inner> by_name = 4;
      optional group Own = 5 { required int32 number = 1; }
      optional Legacy legacy = 6;
      oneof one { Inner chosen = 7; }
    }
    message Inner { required bool flag = 1; optional Inner next = 2; }`,
  'required/v1/edition.proto': `
    edition = "2023";
    package required.v1;
    message Legacy { string name = 1 [features.field_presence = LEGACY_REQUIRED]; }`,
});
const service = contract.service('required.v1.RequiredService');

test('a request without what proto2 requires is INVALID_ARGUMENT, however deep, and no handler sees it', async (t) => {
  let calls = 0;
  const echo: ServiceImplementation = {
    service,
    methods: service.methods.map((method) => ({
      method,
      handle(request) {
        calls++;
        return request;
      },
    })),
  };
  const server = await serve({ services: [echo], listen: '127.0.0.1:0', drainMs: 0 });
  const session = connect(`http://${server.address}`);
  t.teardown(async () => {
    session.destroy();
    await server.close();
  });
  const path = '/required.v1.RequiredService/Send';
  const send = async (bytes: number[]) => {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
    const headers: Record<string, unknown> = {};
    stream.on('response', (received) => Object.assign(headers, received));
    stream.on('trailers', (received) => Object.assign(headers, received));
    stream.end(frameMessage(Buffer.from(bytes)));
    stream.resume();
    await new Promise((resolve) => stream.on('close', resolve));
    return headers;
  };
  const name = [0x0a, 1, 0x61];
  const missing: [string, number[], object][] = [
    ['name', [], {}],
    ['inner.flag', [...name, 0x12, 0], { name: 'a', inner: {} }],
    ['inner.next.flag', [...name, 0x12, 4, 0x08, 1, 0x12, 0], { name: 'a', inner: { flag: true, next: {} } }],
    ['many[1].flag', [...name, 0x1a, 2, 0x08, 1, 0x1a, 0], { name: 'a', many: [{ flag: true }, {}] }],
    ['by_name["x"].flag', [...name, 0x22, 5, 0x0a, 1, 0x78, 0x12, 0], { name: 'a', byName: { x: {} } }],
    ['own.number', [...name, 0x2b, 0x2c], { name: 'a', own: {} }],
    ['legacy.name', [...name, 0x32, 0], { name: 'a', legacy: {} }],
    ['chosen.flag', [...name, 0x3a, 0], { name: 'a', chosen: {} }],
  ];
  for (const [field, bytes, json] of missing) {
    const headers = await send(bytes);
    t.is(headers['grpc-status'], '3', field);
    t.is(decodeURIComponent(String(headers['grpc-message'])), `${field}: value is required`);
    const body = JSON.stringify(json);
    const response = await fetch(`http://${server.address}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    t.like(await response.json(), { code: 'invalid_argument', message: `${field}: value is required` });
  }
  t.is(calls, 0);
  t.is((await send([...name, 0x12, 2, 0x08, 0]))['grpc-status'], '0');
});
