import { connect, createServer, type Http2Server } from 'node:http2';
import { create, createFileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  FieldDescriptorProtoSchema,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { descriptorSet, MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import { tinyContract } from '@weft/compiler/testing/tiny-contract';
import { Exposure } from '@weft/policy/weft/policy/v1/policy';
import { type Server, type ServiceImplementation, serve } from '@weft/service-kit';
import { frameMessage } from '@weft/service-kit/grpc';
import anyTest, { type TestFn } from 'ava';
import { freePorts } from './testing/free-ports.ts';
import { type RunningMesh, runMesh } from './testing/running-mesh.ts';

// What a message means at the edge: the same JSON by REST and by Connect, and an application without the service kit that sends headers and
// trailers of the mesh.

const test = anyTest as TestFn<{ mesh: RunningMesh; application: Http2Server; server: Server; edge: string }>;
const odd = { 'x-weft-failure': 'own', 'x-weft-outcome': '200/14/own', 'x-weft-odd': 'x', 'x-good': 'yes' };

const thingsService = 'bakery.things.v1.TestService';

/** Things with numbers of 64 bits. */
function thingsContract(): Uint8Array {
  const set = fromBinary(
    FileDescriptorSetSchema,
    tinyContract('bakery.things', { Put: { http: { verb: 'post', path: '/v1/things' } } }, { exposure: Exposure.EDGE }),
  );
  const [thing] = set.file[0]?.messageType ?? [];
  for (const [index, name] of ['big', 'list', 'double', 'inner'].entries())
    thing?.field.push(
      create(FieldDescriptorProtoSchema, {
        name,
        number: index + 3,
        jsonName: name,
        label: name === 'list' ? Label.REPEATED : Label.OPTIONAL,
        type: name === 'inner' ? Type.MESSAGE : name === 'double' ? Type.DOUBLE : Type.INT64,
        ...(name === 'inner' ? { typeName: '.bakery.things.v1.Thing' } : {}),
      }),
    );
  return toBinary(FileDescriptorSetSchema, set);
}

/** Answers with the request. */
function echo(contract: Uint8Array): ServiceImplementation {
  const service = createFileRegistry(fromBinary(FileDescriptorSetSchema, contract)).getService(thingsService);
  if (!service) throw new Error(`the contract has no ${thingsService}`);
  return { service, methods: service.methods.map((method) => ({ method, handle: (request) => request })) };
}

test.before(async (t) => {
  const mesh = await runMesh();
  const application = createServer();
  application.on('stream', (stream, headers) => {
    const isShort = headers[':path']?.endsWith('/ListProducts');
    const fields = { ':status': 200, 'content-type': 'application/grpc', ...odd };
    stream.resume();
    if (isShort) return stream.respond({ ...fields, 'grpc-status': '9' }, { endStream: true });
    stream.respond(fields, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', ...odd }));
    stream.end(frameMessage(new Uint8Array()));
  });
  await new Promise<void>((resolve) => application.listen(`${mesh.dir}/catalog-0`, resolve));
  const [inbound, thingsIn, edgePort] = await freePorts(3);
  const things = thingsContract();
  const server = await serve({ services: [echo(things)], listen: `unix:${mesh.dir}/things-0`, drainMs: 0 });
  const catalog = descriptorSet('bakery.catalog');
  const directory = new MeshDirectory()
    .contract('bakery', 'bakery.catalog', catalog)
    .contract('bakery', 'bakery.things', things)
    .service('catalog')
    .service('things')
    .edge(`127.0.0.1:${edgePort}`, {})
    .replica('catalog-0', {
      contract: contractHash(catalog),
      inbound: `127.0.0.1:${inbound}`,
      application: `unix:${mesh.dir}/catalog-0`,
    })
    .replica('things-0', {
      contract: contractHash(things),
      inbound: `127.0.0.1:${thingsIn}`,
      application: `unix:${mesh.dir}/things-0`,
    });
  await mesh.update(directory);
  for (const name of ['bakery/catalog-0', 'bakery/things-0', 'weft/edge-0'] as const) await mesh.startProxy(name);
  Object.assign(t.context, { mesh, application, server, edge: `127.0.0.1:${edgePort}` });
});

test.after.always(async (t) => {
  await t.context.mesh?.stop();
  t.context.application?.close();
  await t.context.server?.close();
});

for (const method of ['GetProduct', 'ListProducts']) {
  test(`what only the mesh may say is in no header and no trailer outside: ${method}`, async (t) => {
    const session = connect(`http://${t.context.edge}`);
    t.teardown(() => session.destroy());
    const stream = session.request({
      ':method': 'POST',
      ':path': `/bakery.catalog.v1.CatalogService/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const headers: Record<string, unknown> = {};
    const trailers: Record<string, unknown> = {};
    stream.on('response', (received) => Object.assign(headers, received));
    stream.on('trailers', (received) => Object.assign(trailers, received));
    stream.end(frameMessage(Buffer.from([0x0a, 8, ...Buffer.from('ABC-1234')])));
    stream.resume();
    await new Promise((resolve) => stream.on('close', resolve));
    t.is(headers[':status'], 200);
    t.is(trailers['grpc-status'] ?? headers['grpc-status'], method === 'GetProduct' ? '0' : '9');
    for (const [name, value] of Object.entries({ ...headers, ...trailers }))
      t.false(name.startsWith('x-weft'), `${name}: ${value}`);
    t.is(headers['x-good'], 'yes');
    if (method === 'GetProduct') t.is(trailers['x-good'], 'yes');
  });
}

test('nor of an answer to REST', async (t) => {
  const response = await fetch(`http://${t.context.edge}/v1/products/ABC-1234`);
  t.deepEqual(
    [...response.headers.keys()].filter((name) => name.startsWith('x-weft')),
    [],
  );
  t.is(response.status, 200);
});

test('the same JSON means the same by REST and by Connect', async (t) => {
  const answer = async (path: string, body: string) => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`http://${t.context.edge}${path}`, { method: 'POST', headers, body });
    if (response.status !== 200) return response.status;
    const { name, key, big, list, double, inner } = JSON.parse(await response.text());
    // REST prints defaults, too.
    return [name || '', key || '', big ?? '0', list ?? [], double ?? 0, inner?.big];
  };
  for (const body of [
    '{"big": 9007199254740993}',
    '{"big": "9007199254740993"}',
    '{"big": -9223372036854775808}',
    '{"big": 9223372036854775808}',
    '{"list": [1, 9007199254740993, "9007199254740993"]}',
    '{"inner": {"big": 9007199254740993}}',
    '{"double": 9007199254740993}',
    '{"double": 0.12345678901234567}',
    '{"big": 1.5}',
    '{"big": 1e3}',
    '{"name": 5}',
    '{"name": "a", "unknown": 9007199254740993}',
    '{"big": 1',
  ]) {
    const byConnect = await answer(`/${thingsService}/Put`, body);
    t.deepEqual(await answer('/v1/things', body), byConnect, body);
  }
  t.deepEqual(await answer('/v1/things', '{"big": 9007199254740993}'), ['', '', '9007199254740993', [], 0, undefined]);
});
