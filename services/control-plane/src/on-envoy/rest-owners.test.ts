import { request } from 'node:http';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { openDescriptorSet } from '@weft/compiler/contracts/descriptor-set';
import { MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import { protoContract } from '@weft/compiler/testing/proto-contract';
import { type Server, serve } from '@weft/service-kit';
import anyTest, { type TestFn } from 'ava';
import { freePorts } from './testing/free-ports.ts';
import { RawCaller } from './testing/raw-call.ts';
import { type RunningMesh, runMesh } from './testing/running-mesh.ts';

// Two tenants behind one edge: whose a path is, and which of several methods a request gets. Each method answers with its own name.

function contract(namespace: string, rpcs: string): Uint8Array {
  return protoContract({
    [`${namespace}/things/v1/things.proto`]: `
      syntax = "proto3";
      package ${namespace}.things.v1;
      import "google/api/annotations.proto";
      import "weft/policy/v1/policy.proto";
      service ThingService {
        option (weft.policy.v1.service) = {exposure: EXPOSURE_EDGE};
        ${rpcs}
      }
      message Thing {
        string id = 1;
        string name = 2;
      }
    `,
  });
}

const rpc = (name: string, http: string) =>
  `rpc ${name}(Thing) returns (Thing) { option (google.api.http) = {${http}}; }`;

const bakery = contract(
  'bakery',
  `
  ${rpc('GetProduct', 'get: "/v1/products/{id}"')}
  ${rpc('SaveProduct', 'put: "/v1/products/{id}" body: "*"')}
  ${rpc('GetFile', 'get: "/v1/files/{id}"')}
  rpc UploadFile(stream Thing) returns (Thing) { option (google.api.http) = {post: "/v1/files/{id}" body: "*"}; }
  rpc WatchFile(Thing) returns (stream Thing) { option (google.api.http) = {get: "/v1/files/{id}:watch"}; }
  rpc UploadAny(stream Thing) returns (Thing) { option (google.api.http) = {post: "/v1/{id=**}" body: "*"}; }
  ${rpc('SaveFile', 'post: "/v1/files/new" body: "*"')}
  ${rpc('ListParts', 'get: "/v1/files/{id}/parts"')}
  ${rpc('CheckThing', 'custom: {kind: "*" path: "/v1/checks/{id}"}')}
  ${rpc('PurgeThing', 'custom: {kind: "PURGE" path: "/v1/purges/{id}"}')}
  rpc ImportChecks(stream Thing) returns (Thing) { option (google.api.http) = {post: "/v1/checks/{id}" body: "*"}; }
  `,
);
const catchAll = rpc('All', 'get: "/v1/{id=**}" additional_bindings {put: "/v1/products/{id}" body: "*"}');
const own = rpc('Own', 'get: "/aaa/{id}" additional_bindings {post: "/{id=**}" body: "*"}');

interface Context {
  readonly mesh: RunningMesh;
  readonly servers: Server[];
  readonly edge: string;
  readonly directory: (tenants: Readonly<Record<string, Uint8Array>>, spec?: object) => MeshDirectory;
}

const test = anyTest as TestFn<Context>;

const tenants = { bakery, aaa: contract('aaa', `${catchAll}\n${own}`) };

test.before(async (t) => {
  const mesh = await runMesh();
  const [edgePort, bakeryIn, aaaIn] = await freePorts(3);
  const inbound: Readonly<Record<string, number | undefined>> = { bakery: bakeryIn, aaa: aaaIn };
  const directory: Context['directory'] = (found, spec = {}) => {
    const packages = Object.keys(found).map((namespace) => ({ namespace, protoPackage: namespace }));
    const files = new MeshDirectory({ packages, ...spec }).edge(`127.0.0.1:${edgePort}`);
    for (const [namespace, set] of Object.entries(found)) {
      files
        .contract(namespace, 'things', set)
        .service(`${namespace}-things`, namespace)
        .replica(`${namespace}-things-0`, {
          namespace,
          contract: contractHash(set),
          inbound: `127.0.0.1:${inbound[namespace]}`,
          application: `unix:${mesh.dir}/${namespace}`,
        });
    }
    return files;
  };
  const servers = await Promise.all(
    Object.entries(tenants).map(([namespace, set]) => {
      const service = openDescriptorSet(set).getService(`${namespace}.things.v1.ThingService`);
      if (service === undefined) throw new Error(`${namespace} has no ThingService`);
      const methods = service.methods.map((method) => ({ method, handle: answer(namespace, method.name) }));
      return serve({
        name: `${namespace}.things`,
        listen: `unix:${mesh.dir}/${namespace}`,
        drainMs: 0,
        services: [{ service, methods }],
      });
    }),
  );
  Object.assign(t.context, { mesh, servers, directory, edge: `127.0.0.1:${edgePort}` });
  await mesh.update(directory({ bakery }));
  t.deepEqual(mesh.compiler.mesh.problems, []);
  for (const name of ['bakery/bakery-things-0', 'weft/edge-0'] as const) await mesh.startProxy(name);
  await mesh.update(directory(tenants));
  await mesh.startProxy('aaa/aaa-things-0');
});

test.after.always(async (t) => {
  t.deepEqual(t.context.mesh?.nacks ?? [], []);
  await t.context.mesh?.stop();
  await Promise.all((t.context.servers ?? []).map((server) => server.close()));
});

/** Answers with whose method it is; of a stream with how many messages came. */
function answer(namespace: string, name: string): (request: unknown) => unknown {
  if (name.startsWith('Watch')) {
    return async function* () {
      yield { name: `${namespace} ${name}` };
    };
  }
  return async (request) => {
    if (!/^(Upload|Import)/.test(name)) return { name: `${namespace} ${name}` };
    let count = 0;
    const messages: AsyncIterable<unknown> = Object(request);
    for await (const _ of messages) count += 1;
    return { name: `${namespace} ${name} ${count}` };
  };
}

/** The method that answers, or the status of an error. `host`: what the caller calls the edge. */
function call({ edge }: Context, verb: string, path: string, body?: unknown, host = 'localhost'): Promise<string> {
  return new Promise((resolve, reject) => {
    const [hostname = '', port = ''] = edge.split(':');
    const headers = { host, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const sent = request({ hostname, port, method: verb, path, headers }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      const found = /"name":"([^"]*)"/.exec(text)?.[1];
      resolve(response.statusCode === 200 ? (found ?? '') : String(response.statusCode));
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

test.serial('a tenant that comes later takes nothing of a path that overlaps', async (t) => {
  const { context } = t;
  t.is(await call(context, 'GET', '/v1/products/1'), 'bakery GetProduct');
  t.is(await call(context, 'PUT', '/v1/products/1', {}), 'bakery SaveProduct');
  t.is(await call(context, 'GET', '/v1/unknown'), '404');
  t.is(await call(context, 'POST', '/v1/unknown', []), 'bakery UploadAny 0');
  // What it has for itself is served.
  t.is(await call(context, 'GET', '/aaa/1'), 'aaa Own');
  const words = context.mesh.compiler.mesh.problems.map(({ resource, message }) => `${resource}: ${message}`);
  t.deepEqual(
    words.map((text) => text.replace(/ overlaps.*/, '')).sort(),
    [
      'Service aaa/aaa-things: GET /v1/{id=**} (aaa/things/v1/things.proto:8)',
      'Service aaa/aaa-things: POST /{id=**} (aaa/things/v1/things.proto:9)',
      'Service aaa/aaa-things: PUT /v1/products/{id} (aaa/things/v1/things.proto:8)',
    ].sort(),
  );
  t.true(words.some((text) => text.includes('Service bakery/bakery-things, bakery/things/v1/things.proto:')));
});

test.serial('the most specific method of all kinds answers, by verb and path', async (t) => {
  const { context } = t;
  const cases: readonly (readonly [verb: string, path: string, body: unknown, method: string])[] = [
    ['GET', '/v1/files/1', undefined, 'bakery GetFile'],
    ['POST', '/v1/files/1', [{}, {}], 'bakery UploadFile 2'],
    ['POST', '/v1/files/new', {}, 'bakery SaveFile'],
    ['GET', '/v1/files/new', undefined, 'bakery GetFile'],
    ['GET', '/v1/files/1:watch', undefined, 'bakery WatchFile'],
    ['GET', '/v1/files/1/parts', undefined, 'bakery ListParts'],
    ['POST', '/v1/files/1/parts', [{}], 'bakery UploadAny 1'],
    ['POST', '/v1/files/1/parts/2', [{}], 'bakery UploadAny 1'],
    ['GET', '/v1/files/1/parts/2', undefined, '404'],
    ['DELETE', '/v1/files/1', undefined, '404'],
    ['DELETE', '/v1/checks/1', undefined, 'bakery CheckThing'],
    ['GET', '/v1/checks/1', undefined, 'bakery CheckThing'],
    ['POST', '/v1/checks/1', [{}], 'bakery ImportChecks 1'],
    ['PURGE', '/v1/purges/1', undefined, 'bakery PurgeThing'],
    ['GET', '/v1/purges/1', undefined, '404'],
    // Its answer would have a body.
    ['HEAD', '/v1/checks/1', undefined, '405'],
  ];
  for (const [verb, path, body, method] of cases) {
    t.is(await call(context, verb, path, body), method, `${verb} ${path}`);
  }
});

test.serial('gRPC paths are no REST paths, whoever would have them', async (t) => {
  const { context } = t;
  // aaa alone has every path.
  await context.mesh.update(context.directory({ aaa: tenants.aaa }));
  t.is(await call(context, 'POST', '/anything/at/all', {}), 'aaa Own');
  t.is(await call(context, 'POST', '/bakery.things.v1.ThingService/GetProduct', {}), '404');
  t.is(await call(context, 'POST', '/grpc.health.v1.Health/Check', {}), '404');
  const caller = new RawCaller(context.edge);
  t.teardown(() => caller.close());
  const { grpcStatus } = await caller.call({ authority: 'edge', path: '/bakery.things.v1.ThingService/GetProduct' });
  t.is(grpcStatus, '12');
});

test.serial('rows give tenants their paths and host names, whoever was there first', async (t) => {
  const { context } = t;
  const exposure = [
    { namespace: 'bakery', paths: ['/v1/products', '/v1/files'] },
    { namespace: 'aaa', paths: ['/v1', '/aaa'], hosts: ['aaa.test', '*.aaa.test'] },
  ];
  await context.mesh.update(context.directory(tenants, { exposure }));
  t.is(await call(context, 'GET', '/v1/products/1'), 'bakery GetProduct');
  t.is(await call(context, 'GET', '/v1/other'), '404');
  t.is(await call(context, 'GET', '/v1/checks/1'), '404');
  for (const host of ['aaa.test', 'aaa.test:8080', 'www.aaa.test']) {
    t.is(await call(context, 'GET', '/v1/products/1', undefined, host), 'aaa All');
    t.is(await call(context, 'POST', '/aaa.things.v1.ThingService/Own', {}, host), 'aaa Own');
    // The host name is aaa's alone.
    t.is(await call(context, 'GET', '/v1/files/1/parts', undefined, host), 'aaa All');
    t.is(await call(context, 'POST', '/bakery.things.v1.ThingService/GetProduct', {}, host), '404');
  }
  t.is(await call(context, 'GET', '/aaa/1'), '404');
  t.is(await call(context, 'POST', '/aaa.things.v1.ThingService/Own', {}), '404');
});

test.serial('where there are rows, a contract without one is not exposed', async (t) => {
  const { context } = t;
  await context.mesh.update(context.directory(tenants, { exposure: [{ namespace: 'bakery' }] }));
  t.is(await call(context, 'GET', '/v1/products/1'), 'bakery GetProduct');
  t.is(await call(context, 'GET', '/aaa/1'), '404');
  t.is(await call(context, 'POST', '/aaa.things.v1.ThingService/Own', {}), '404');
});
