import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { probeCall } from '../../packages/cli/src/supervisor/probe-call.ts';
import { type Mesh, startMesh } from '../mesh.ts';
import { makeProject, type TestProject } from '../project.ts';
import { waitFor } from '../wait-for.ts';

const execute = promisify(execFile);

const proto = (name: string, body: string) => `
  syntax = "proto3";
  package bakery.${name}.v1;
  import "buf/validate/validate.proto";
  import "google/api/annotations.proto";
  import "weft/policy/v1/policy.proto";
  ${body}
`;

/** Two services of the kit and one of plain grpc-js: cart calls bread, and bread calls the ovens. */
const files = {
  'package.json': '{"name": "bakery", "private": true, "type": "module"}',
  'weft.project.yaml': 'name: bakery\n',
  'proto/bakery/cart/v1/cart.proto': proto(
    'cart',
    `service CartService {
       option (weft.policy.v1.service) = {exposure: EXPOSURE_EDGE, calls: ["bakery.bread"]};
       rpc Add(AddRequest) returns (AddResponse) {
         option (weft.policy.v1.method) = {deadline: {seconds: 5}};
         option (google.api.http) = {post: "/v1/carts/{cart_id}/loaves" body: "*"};
       }
     }
     message AddRequest {
       string cart_id = 1 [(buf.validate.field).string.pattern = "^C-[0-9]{3}$"];
       int32 loaves = 2 [(buf.validate.field).int32 = {gte: 2, lte: 9}];
     }
     message AddResponse { string bread = 1; }`,
  ),
  'proto/bakery/bread/v1/bread.proto': proto(
    'bread',
    `service BreadService {
       option (weft.policy.v1.service) = {callers: ["bakery.cart"], calls: ["bakery.ovens"]};
       rpc Bake(BakeRequest) returns (BakeResponse);
     }
     message BakeRequest { int32 loaves = 1; }
     message BakeResponse { string bread = 1; }`,
  ),
  'proto/bakery/ovens/v1/ovens.proto': proto(
    'ovens',
    `service OvenService {
       option (weft.policy.v1.service) = {callers: ["bakery.bread"]};
       rpc Heat(HeatRequest) returns (HeatResponse);
     }
     message HeatRequest { int32 loaves = 1; }
     message HeatResponse { string result = 1; }`,
  ),
  // What is not said has its default: the name is the folder's, the contract is bakery.<name>.
  'services/cart/weft.yaml': '',
  'services/cart/src/main.ts': `
    import { client, implement, serve } from '@weft/service-kit';
    import { BreadService } from '@bakery/bread-contract/v1';
    import { CartService } from '@bakery/cart-contract/v1';
    const bread = client(BreadService);
    await serve({ services: [implement(CartService, {
      add: async ({ loaves }, call) => ({ bread: (await bread.bake({ loaves }, call)).bread }),
    })] });
  `,
  'services/bread/weft.yaml': 'replicas: 2\n',
  'services/bread/src/main.ts': `
    import { client, implement, serve } from '@weft/service-kit';
    import { BreadService } from '@bakery/bread-contract/v1';
    import { OvenService } from '@bakery/ovens-contract/v1';
    const ovens = client(OvenService);
    await serve({ services: [implement(BreadService, {
      bake: async ({ loaves }, call) => ({ bread: (await ovens.heat({ loaves }, call)).result }),
    })] });
  `,
  'services/ovens/weft.yaml': 'command: node server.mjs\nlisten: tcp\nhealth: tcp\nenv: {FLOUR: rye}\n',
  'services/ovens/server.mjs': `
    import { readFileSync } from 'node:fs';
    import { loadPackageDefinition, Server, ServerCredentials } from '@grpc/grpc-js';
    import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader';
    const contract = readFileSync(new URL('../../contracts/ovens/descriptor.binpb', import.meta.url));
    const { OvenService } = loadPackageDefinition(loadFileDescriptorSetFromBuffer(contract)).bakery.ovens.v1;
    const server = new Server();
    server.addService(OvenService.service, {
      Heat: ({ request }, done) => done(null, { result: request.loaves + ' loaves of ' + process.env.FLOUR }),
    });
    server.bindAsync(process.env.WEFT_LISTEN, ServerCredentials.createInsecure(), (error) => { if (error) throw error; });
  `,
};

let mesh: Mesh;
let project: TestProject;
/** On a disk of its own where this machine lets us make one. */
let state: string;
let hasSmallDisk = false;
test.before(async () => {
  project = await makeProject(files, {
    '@bakery/cart-contract': 'cart',
    '@bakery/bread-contract': 'bread',
    '@bakery/ovens-contract': 'ovens',
  });
  state = await mkdtemp(join(tmpdir(), 'small-disk-'));
  hasSmallDisk = await execute('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', state]).then(
    () => true,
    () => false,
  );
  mesh = await startMesh({ project: project.path, state });
});
test.after.always(async () => {
  await mesh?.stop();
  await project?.remove();
  if (hasSmallDisk) await execute('umount', ['-l', state]);
  await rm(state, { recursive: true, force: true });
});

async function add(loaves: number): Promise<unknown> {
  const answer = await fetch(`${mesh.edge}/v1/carts/C-001/loaves`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ loaves }),
  });
  return answer.json();
}

test.serial('a call goes through three services, one of which knows nothing of Weft', async (t) => {
  t.deepEqual(await add(3), { bread: '3 loaves of rye' });
  const connect = await fetch(`${mesh.edge}/bakery.cart.v1.CartService/Add`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'connect-protocol-version': '1' },
    body: JSON.stringify({ cartId: 'C-001', loaves: 4 }),
  });
  t.deepEqual(await connect.json(), { bread: '4 loaves of rye' });
});

test.serial(
  'the contracts hold: who may not call is told so, and a request against its rules is refused',
  async (t) => {
    const heat = '/bakery.ovens.v1.OvenService/Heat';
    const { outbound = '' } = await mesh.replica('cart-0');
    const refused = await probeCall(Number(outbound.split(':')[1]), 'bakery.ovens', heat);
    t.is(refused.code, 7);
    t.is(refused.message, `weft: bakery.cart may not call ${heat.slice(1)}; its contract names bakery.bread`);
    t.like(await add(1), { code: 3 });
  },
);

test.serial('status has every service with its contract and its replicas', async (t) => {
  const { services, problems = [] } = await mesh.status();
  t.deepEqual(problems, []);
  t.deepEqual(
    services.map(({ namespace, name, logicalName, readyReplicas }) => [namespace, name, logicalName, readyReplicas]),
    [
      ['bakery', 'bread', 'bakery.bread', 2],
      ['bakery', 'cart', 'bakery.cart', 1],
      ['bakery', 'ovens', 'bakery.ovens', 1],
    ],
  );
});

test.serial('what weft up suggests can be called as it stands', async (t) => {
  const [suggestion = ''] = mesh.welcome.match(/curl localhost.*/) ?? [];
  t.regex(suggestion, /\/v1\/carts\/C-000\/loaves .*\{"loaves":2\}/);
  t.regex(
    mesh.welcome,
    /grpcurl -plaintext -d '\{"cartId":"C-000","loaves":2\}' localhost:\d+ bakery.cart.v1.CartService\/Add/,
  );
  const { stdout } = await execute('sh', ['-c', `${suggestion} -s --noproxy '*'`]);
  t.deepEqual(JSON.parse(stdout), { bread: '2 loaves of rye' });
});

test.serial('pages of local web servers may call, until a Gateway of the user says otherwise', async (t) => {
  const allowed = async (origin: string) => {
    const answer = await fetch(`${mesh.edge}/v1/carts/C-001/loaves`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });
    return answer.headers.get('access-control-allow-origin');
  };
  t.is(await allowed('http://localhost:5173'), 'http://localhost:5173');
  t.is(await allowed('http://127.0.0.1:3000'), 'http://127.0.0.1:3000');
  t.is(await allowed('https://elsewhere.example'), null);
  const gateway = join(mesh.userMesh, 'edge.yaml');
  await writeFile(
    gateway,
    'apiVersion: weft.dev/v1\nkind: Gateway\nmetadata: {name: edge}\nspec: {corsOrigins: ["https://elsewhere.example"]}\n',
  );
  await waitFor('the own Gateway', async () => (await allowed('https://elsewhere.example')) !== null);
  t.is(await allowed('http://localhost:5173'), null);
  t.deepEqual((await mesh.status()).problems ?? [], []);
  await rm(gateway);
  await waitFor('the generated Gateway', async () => (await allowed('http://localhost:5173')) !== null);
});

test.serial('on a full disk the mesh goes on, and catches up when there is space again', async (t) => {
  if (!hasSmallDisk) {
    t.log('not tried: this user may mount no disk');
    t.pass();
    return;
  }
  const filler = join(state, 'filler');
  t.teardown(() => rm(filler, { force: true }));
  await t.throwsAsync(writeFile(filler, Buffer.alloc(64 << 20)), { code: 'ENOSPC' });
  const before = await mesh.replica('cart-0');
  process.kill(before.pid ?? 0, 'SIGKILL');
  await waitFor('cart-0 to be back', async () => {
    const { pid, ready } = await mesh.replica('cart-0');
    return ready && pid !== before.pid;
  });
  t.deepEqual(await waitFor('an answer', async () => bread(await add(3))), '3 loaves of rye');

  await rm(filler);
  await waitFor('the mesh to catch up', async () => (await mesh.supervisor()).troubles.length === 0);
  t.deepEqual(await waitFor('an answer', async () => bread(await add(4))), '4 loaves of rye');
});

/** What an answer of cart says; undefined for an error. */
function bread(answer: unknown): unknown {
  return typeof answer === 'object' && answer !== null && 'bread' in answer ? answer.bread : undefined;
}

test.serial('a .proto that breaks is named with its line, and the last good contracts serve', async (t) => {
  await mesh.weft('down');
  const path = join(project.path, 'proto/bakery/bread/v1/bread.proto');
  const good = await readFile(path, 'utf8');
  await writeFile(path, good.replace('int32 loaves = 1;', 'int32 loaves = 1; strin oops = ;'));
  mesh = await startMesh({ project: project.path, state });
  const [trouble, ...others] = (await mesh.supervisor()).troubles;
  t.deepEqual(others, []);
  t.regex(trouble?.message ?? '', /^proto\/bakery\/bread\/v1\/bread\.proto:\d+: .*; the last good contracts are used$/);
  t.true(mesh.welcome.includes(trouble?.message ?? '?'));
  t.deepEqual(await add(3), { bread: '3 loaves of rye' });
});
