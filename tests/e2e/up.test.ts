import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { OrderStatus } from '@shop/orders-contract/v1';
import test from 'ava';
import { freePort, type Mesh, startMesh, waitForExit } from '../mesh.ts';
import { makeProject } from '../project.ts';
import { goodOrder, shopAt } from '../shop.ts';
import { waitFor } from '../wait-for.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');

async function stateDirectory(t: { teardown(fn: () => Promise<void>): void }): Promise<string> {
  const state = await mkdtemp(join(tmpdir(), 'up-'));
  t.teardown(() => rm(state, { recursive: true, force: true }));
  return state;
}

const allPids = (status: {
  supervisor: {
    replicas: readonly { pid?: number | undefined; envoyPid?: number | undefined }[];
    processes: readonly { pid?: number }[];
  };
}) =>
  [
    ...status.supervisor.replicas.flatMap((replica) => [replica.pid, replica.envoyPid]),
    ...status.supervisor.processes.map((process) => process.pid),
  ].filter((pid) => pid !== undefined);

/** The mesh that the first test starts twice, and that the second one ends. */
let mesh: Mesh | undefined;
let dataDirectory: string;
test.before(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), 'up-'));
});
test.after.always(async () => {
  await mesh?.stop();
  await rm(dataDirectory, { recursive: true, force: true });
});

test.serial('down leaves no process behind, and a second up finds the data again', async (t) => {
  const state = dataDirectory;
  const first = await startMesh({ state });
  mesh = first;
  const request = goodOrder({ customerId: randomUUID() });
  const { order } = await shopAt(first.edge).orders.placeOrder(request);
  const pids = allPids(await first.status());
  t.true(pids.length >= 11, `${pids.length} processes`);
  await first.weft('down');
  for (const pid of pids) await waitForExit(pid);

  const second = await startMesh({ state });
  mesh = second;
  const found = await shopAt(second.edge).orders.getOrder({ orderId: order?.orderId ?? '' });
  t.is(found.order?.status, OrderStatus.CONFIRMED);
  // The same key still means the same order.
  const repeated = await shopAt(second.edge).orders.placeOrder(request);
  t.is(repeated.order?.orderId, order?.orderId);
});

test.serial('what a killed weft up leaves behind is ended by the next command', async (t) => {
  if (!mesh) return t.fail('the mesh did not start again');
  const status = await mesh.status();
  const pids = allPids(status);
  const supervisor = (status.supervisor as unknown as { pid: number }).pid;
  process.kill(supervisor, 'SIGKILL');
  await waitForExit(supervisor);
  for (const args of [['status'], ['status', '--json']]) {
    const error = await t.throwsAsync<Error & { stdout: string; stderr: string; code: number }>(mesh.weft(...args));
    t.is(error?.code, 1);
    t.regex(
      args.length > 1 ? (error?.stderr ?? '') : (error?.stdout ?? ''),
      /^(weft: )?The `weft up` of this mesh was killed; /,
    );
  }
  await mesh.weft('down');
  for (const pid of pids) await waitForExit(pid);
  t.pass();
});

test.serial('in the foreground: the addresses and what to try, and Ctrl-C ends everything', async (t) => {
  const state = await stateDirectory(t);
  const port = await freePort();
  const child = spawn(process.execPath, ['packages/cli/bin/weft.js', 'up', '--state', state, '--port', String(port)], {
    cwd: root,
  });
  t.teardown(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  await waitFor(
    'the commands to try',
    () => /grpcurl -plaintext .*PlaceOrder/s.test(output) && /weft status/.test(output),
    { timeoutMs: 90_000 },
  );
  t.true(output.includes(`grpcurl -plaintext localhost:${port} list`));
  t.regex(output, new RegExp(`curl localhost:${port}/v1/orders`));
  const { stdout } = await execute(
    process.execPath,
    ['packages/cli/bin/weft.js', 'status', '--json', '--state', state],
    { cwd: root },
  );
  const pids = allPids(JSON.parse(stdout));
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  t.is(await exit, 0);
  for (const pid of pids) await waitForExit(pid);
});

test.serial('of two that start at the same moment one runs, and nothing outlives its down', async (t) => {
  const state = await stateDirectory(t);
  const project = await makeProject({
    'proto/README': '',
    'weft.project.yaml': 'name: bakery\n',
    'services/idle/weft.yaml': 'command: [sleep, 1000]\nhealth: none\nnamespace: bakery\n',
  });
  t.teardown(() => project.remove());
  const weft = (...args: string[]) =>
    execute(process.execPath, [join(root, 'packages/cli/bin/weft.js'), ...args, '--state', state], {
      cwd: project.path,
    });
  const ports = [await freePort(), await freePort()];
  const started = await Promise.allSettled(ports.map((port) => weft('up', '-d', '--port', String(port))));
  t.teardown(() => weft('down'));
  t.deepEqual(started.map((each) => each.status).sort(), ['fulfilled', 'rejected']);
  const refused = started.find((each) => each.status === 'rejected');
  t.regex(refused?.reason.stderr, /^weft: The mesh is already running.* \(process \d+\); `weft down` stops it/m);
  const pids = allPids(JSON.parse((await weft('status', '--json')).stdout));
  t.is(pids.length, 4, 'one application, its Envoy, the edge, the control plane');
  await weft('down');
  for (const pid of pids) await waitForExit(pid);
});

test.serial('a taken port is one sentence that names it and says what to do', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const state = await stateDirectory(t);
  const run = execute(process.execPath, ['packages/cli/bin/weft.js', 'up', '--state', state, '--port', String(port)], {
    cwd: root,
  });
  const error = (await t.throwsAsync(run)) as Error & { stderr: string };
  t.regex(error.stderr, new RegExp(`${port}.*WEFT_PORT`));
  t.notRegex(error.stderr, /\n\s+at /, 'no stack');
  t.false(existsSync(join(state, 'postgres/postmaster.pid')));
});
