import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createFileRegistry, type DescMethod, type DescMethodUnary, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import test, { type ExecutionContext } from 'ava';
import { stateDirectory } from '../../packages/cli/src/state-directory.ts';
import { SupervisorClient } from '../../packages/cli/src/supervisor/supervisor-client.ts';
import { outputDifference } from '../../scripts/documentation/shown-output.ts';
import {
  type Bakery,
  baker,
  breadProto,
  callerMain,
  callerProto,
  makeBakery,
  servicePackage,
} from '../bakery-project.ts';
import { type DevSession, startDev } from '../dev-session.ts';
import { DocumentedPage } from '../documented-page.ts';
import { waitFor as waitForAtMost } from '../wait-for.ts';

const execute = promisify(execFile);

/** A machine that does other things, too, is slow at starting processes, and no test is about how slow. */
const waitFor: typeof waitForAtMost = (what, look) => waitForAtMost(what, look, { timeoutMs: 90_000 });

let bakery: Bakery;
let dev: DevSession;
test.before(async () => {
  bakery = await makeBakery(['bread', 'cart', 'oven']);
  const edits = new Map([
    // Somebody who does not wait until all runs,
    [/Starting|contracts/, 'services/bread/src/baker.ts'],
    // and somebody who has waited for this line alone.
    [/Following edits/, 'services/cart/src/baker.ts'],
  ]);
  dev = await startDev(bakery.root, (output) => {
    for (const [line, file] of edits) {
      if (!line.test(output)) continue;
      edits.delete(line);
      saveInPlace(file, 'at once.');
    }
  });
});
test.after.always(async () => {
  await dev?.stop();
  await bakery?.remove();
});

test.afterEach.always((t) => {
  if (!t.passed) t.log(dev?.output().slice(-4_000));
});

/** Saves as editors do that keep the file: it is empty for a moment, and half of it may be there. */
function saveInPlace(path: string, mark: string): void {
  writeFileSync(join(bakery.root, path), baker(mark));
}

/** How many processes of a replica live: a new one runs beside the old one until it serves. */
async function processesOf(replica: string): Promise<number> {
  const records: readonly { readonly name: string }[] = JSON.parse(
    await readFile(join(dev.state, 'processes.json'), 'utf8'),
  );
  return records.filter(({ name }) => name === replica).length;
}

/** A call of a unary method with `{name: "rye"}` through the edge. */
type Call = () => Promise<string>;

/** Calls by JSON; resolves with the body. */
const json = (method: string): Call => {
  return async () => {
    const response = await fetch(`${dev.edge}/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"name": "rye"}',
    });
    const body = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${body}`);
    return body;
  };
};

/** Calls by gRPC, by the contract that the project has generated; resolves with the response as JSON. */
async function grpc(contract: string, typeName: string, methodName: string): Promise<Call & { close(): void }> {
  const file = await readFile(join(bakery.root, 'contracts', contract, 'descriptor.binpb'));
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, file));
  const method = registry.getService(typeName)?.methods.find(({ name }) => name === methodName);
  if (!isUnary(method)) throw new Error(`${typeName}/${methodName} is not in the contract`);
  const sessionManager = new Http2SessionManager(dev.edge);
  const transport = createGrpcTransport({ baseUrl: dev.edge, sessionManager });
  const call = async () => {
    const { message } = await transport.unary(method, undefined, 10_000, undefined, { name: 'rye' });
    return JSON.stringify(message);
  };
  return Object.assign(call, { close: () => sessionManager.abort() });
}

function isUnary(method: DescMethod | undefined): method is DescMethodUnary {
  return method?.methodKind === 'unary';
}

/** Calls again and again until it is stopped; every failure is kept. */
function load(t: ExecutionContext, calls: readonly Call[]) {
  let stopped = false;
  let answered = 0;
  const failures: unknown[] = [];
  const callers = Promise.all(
    calls.map(async (call) => {
      while (!stopped) {
        await call().then(
          () => answered++,
          (error: unknown) => failures.push(String(error)),
        );
        await delay(4);
      }
    }),
  );
  const stop = async () => {
    stopped = true;
    await callers;
    return answered;
  };
  t.teardown(stop);
  return { failures, stop };
}

/** What `weft status` says of edits that are not in the mesh. */
async function shownTroubles(): Promise<string> {
  const status = await new SupervisorClient(stateDirectory(dev.state).controlSocket).status();
  return (status?.troubles ?? []).map(({ subject, message }) => `${subject}: ${message}`).join('\n');
}

const bake = () => json('bakery.bread.v1.BreadService/BakeBread')();
const fill = () => json('bakery.cart.v1.CartService/FillCart')();

test.serial('an edit while the mesh starts, and one at the moment when edits are followed', async (t) => {
  await waitFor('the edit of bread', async () => (await bake()).includes('at once.'));
  await waitFor('the edit of cart', async () => (await fill()).includes('cart by at once.'));
  t.notRegex(dev.output(), /does not serve/);
});

test.serial('edits in place: twice within milliseconds, and while the edit before is brought in', async (t) => {
  const callers = load(t, [bake, fill]);
  for (let round = 0; round < 3; round++) {
    const before = dev.output();
    saveInPlace('services/bread/src/baker.ts', `half-${round}.`);
    await delay(round);
    saveInPlace('services/bread/src/baker.ts', `twice-${round}.`);
    await waitFor(`both edits of round ${round}`, async () => (await bake()).includes(`twice-${round}.`));
    await dev.said(/bread restarted in/, before);

    saveInPlace('services/bread/src/baker.ts', `early-${round}.`);
    await waitFor('a second process of bread', async () => (await processesOf('bread-0')) > 1);
    saveInPlace('services/bread/src/baker.ts', `late-${round}.`);
    await waitFor(`the later edit of round ${round}`, async () => (await bake()).includes(`late-${round}.`));
  }
  await callers.stop();
  t.deepEqual(callers.failures, []);
});

test.serial('30 edits under load: no call fails, and each edit is visible', async (t) => {
  const grpcBake = await grpc('bread', 'bakery.bread.v1.BreadService', 'BakeBread');
  const grpcFill = await grpc('cart', 'bakery.cart.v1.CartService', 'FillCart');
  t.teardown(() => {
    grpcBake.close();
    grpcFill.close();
  });
  const callers = load(t, [grpcBake, grpcBake, bake, grpcFill, grpcFill, fill]);
  const before = dev.output().length;
  for (let edit = 0; edit < 15; edit++) {
    const mark = `baker-${edit}.`;
    // Two services at once.
    await Promise.all(['bread', 'cart'].map((name) => bakery.save(`services/${name}/src/baker.ts`, baker(mark))));
    await waitFor(`edit ${edit} of bread`, async () => (await bake()).includes(mark));
    await waitFor(`edit ${edit} of cart`, async () => (await fill()).includes(`cart by ${mark}`));
  }
  const answered = await callers.stop();
  t.deepEqual(callers.failures, []);
  t.true(answered > 500, `${answered} calls`);
  const said = dev.output().slice(before);
  t.is(said.match(/weft: bread restarted in /g)?.length, 15);
  t.is(said.match(/weft: cart restarted in /g)?.length, 15);
});

test.serial('a touch and a save without a change restart nothing', async (t) => {
  const before = dev.output();
  await bakery.save('services/bread/src/baker.ts', baker('baker-14.'));
  await bakery.save('services/cart/src/baker.ts', baker('after'));
  const said = await dev.said(/cart restarted/, before);
  t.notRegex(said, /bread restarted/);
});

test.serial('broken code is named in one sentence, and the old code goes on serving', async (t) => {
  const callers = load(t, [bake, fill]);
  for (const broken of ['export const mark = (;\n', "throw new Error('the oven is cold');\n"]) {
    const before = dev.output();
    await bakery.save('services/bread/src/baker.ts', broken);
    const said = await dev.said(/bread-0 does not serve/, before);
    t.regex(said, /weft: The new process of bread-0 does not serve, so the old one stays: it ended with .*Error.*: /);
    t.regex(await shownTroubles(), /^bread: its last edit does not run\. .*Error.*: /);
  }
  t.regex(await bake(), /baker-14/);
  const before = dev.output();
  await bakery.save('services/bread/src/baker.ts', baker('mended'));
  await dev.said(/bread restarted in/, before);
  t.regex(await bake(), /mended/);
  t.is(await shownTroubles(), '');
  await callers.stop();
  t.deepEqual(callers.failures, []);
});

test.serial(
  'a service folder joins, a contract admits it live and gets a REST path, and a removed folder leaves',
  async (t) => {
    const callers = load(t, [bake, fill]);
    let before = dev.output();
    await bakery.save('proto/bakery/oven/v1/oven.proto', callerProto('oven', 'Oven'));
    await bakery.save('services/oven/package.json', servicePackage('oven', ['bread', 'oven']));
    await bakery.save('services/oven/src/main.ts', callerMain('oven', 'Oven'));
    await bakery.save('services/oven/src/baker.ts', baker('first'));
    await bakery.save('services/oven/weft.yaml', 'name: oven\n');
    await dev.said(/oven joined in/, before);
    const heat = json('bakery.oven.v1.OvenService/FillOven');
    await t.throwsAsync(heat(), undefined, 'the contract of bread does not name oven');

    before = dev.output();
    const admitting = breadProto({ callers: ['bakery.cart', 'bakery.oven'], rest: '/v1/bread/{name}' });
    await bakery.save('proto/bakery/bread/v1/bread.proto', admitting);
    const said = await dev.said(/bread restarted in/, before);
    t.regex(said, /bakery\.bread changed/);
    t.regex(said, /bakery\.oven.*BakeBread|BakeBread.*bakery\.oven/s, 'what weft diff says');
    t.regex(said, /\/v1\/bread\/\{name\}/);
    await waitFor('oven to be admitted', async () => (await heat()).includes('rye by mended'));
    const rest = await waitFor('the REST path', async () => {
      const response = await fetch(`${dev.edge}/v1/bread/wheat`);
      return response.ok ? await response.text() : undefined;
    });
    t.regex(rest, /wheat by mended/);

    before = dev.output();
    await bakery.save('proto/bakery/bread/v1/bread.proto', admitting.replace('string name = 1', 'strang name = 1'));
    t.regex(await dev.said(/contracts are unchanged/, before), /proto\/bakery\/bread\/v1\/bread\.proto:\d+:/);
    t.regex(
      await shownTroubles(),
      /^contracts: proto\/bakery\/bread\/v1\/bread\.proto:\d+:.*; the last good contracts are used$/m,
    );
    t.regex(await heat(), /rye by mended/);

    before = dev.output();
    await bakery.save('proto/bakery/bread/v1/bread.proto', admitting);
    await bakery.drop('services/oven');
    await dev.said(/oven left the mesh/, before);
    t.is(await shownTroubles(), '');
    await waitFor('oven to be gone', async () => (await heat().catch(() => undefined)) === undefined);
    await callers.stop();
    t.deepEqual(callers.failures, []);
  },
);

test.serial('`weft restart` and edits over a port instead of a socket fail no call', async (t) => {
  const callers = load(t, [bake, fill]);
  let before = dev.output();
  await bakery.save('services/bread/weft.yaml', 'name: bread\nlisten: tcp\n');
  await dev.said(/serving address=127\.0\.0\.1:\d+.*bread restarted in/s, before);
  before = dev.output();
  await bakery.save('services/bread/src/baker.ts', baker('by tcp.'));
  await dev.said(/bread restarted in/, before);
  t.regex(await bake(), /by tcp\./);

  const client = new SupervisorClient(stateDirectory(dev.state).controlSocket);
  const bread = async () => (await client.status())?.replicas.find(({ name }) => name === 'bread-0');
  const old = await bread();
  t.deepEqual(await client.restart('bread'), ['bread-0']);
  const fresh = await bread();
  t.not(fresh?.pid, old?.pid);
  t.not(fresh?.application, old?.application);
  t.true(fresh?.ready);
  await callers.stop();
  t.deepEqual(callers.failures, []);
});

test.serial('weft.yaml is applied, and one that cannot be read changes nothing', async (t) => {
  const before = dev.output();
  await bakery.save('services/cart/weft.yaml', 'name: cart\nreplicas: 2\nenv: {BAKER: somebody}\n');
  await dev.said(/cart restarted in/, before);
  await waitFor('two replicas', async () => (await fill()).includes('cart by'));
  await bakery.save('services/cart/weft.yaml', 'name: cart\nreplicas: many\n');
  t.regex(await dev.said(/replicas/, before), /services\/cart\/weft\.yaml: replicas: .*; nothing changes/);
});

test.serial('docs/develop.md shows what has been printed above, and its commands restart replicas', async (t) => {
  const page = new DocumentedPage('docs/develop.md', 'tests/e2e/dev.test.ts');
  t.is(page.outputs.length, 3);
  for (const lines of page.outputs)
    t.is(outputDifference(['...', ...lines, '...'], dev.output().split('\n'), new Map()), undefined);
  const env = { ...process.env, WEFT_STATE: dev.state };
  const run = async (command: string) => (await execute('sh', ['-c', command], { cwd: bakery.root, env })).stdout;
  await run('npx weft scale bread=2');
  t.regex(await run(page.next(/^npx weft restart bread /)), /^bread-0, bread-1 restarted in /);
  t.regex(await run(page.next(/^npx weft restart bread-1 /)), /^bread-1 restarted in/);
  t.deepEqual(page.left, []);
});
