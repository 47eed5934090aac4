import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import test from 'ava';
import { freePort, type MeshStatus } from '../mesh.ts';
import { checkOut, releasedCommit } from '../released-checkout.ts';
import { goodOrder, shopAt } from '../shop.ts';
import { waitFor } from '../wait-for.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const released = releasedCommit();
const missing =
  released === undefined
    ? 'the history here does not have the release before'
    : existsSync('/proc/self/cmdline')
      ? undefined
      : 'there is no /proc, where the control plane says how it was started';

(missing === undefined ? test : test.skip)(
  'the control plane is upgraded first: sidecars and services of the release before go on, and no call fails',
  async (t) => {
    const old = await checkOut(released ?? '');
    t.teardown(() => rm(old, { recursive: true, force: true }));
    const state = await mkdtemp(join(tmpdir(), 'upgrade-'));
    t.teardown(() => rm(state, { recursive: true, force: true }));
    const port = await freePort();
    const weft = async (checkout: string, ...args: readonly string[]): Promise<string> => {
      const PATH = `${join(checkout, 'node_modules/.bin')}${delimiter}${process.env.PATH}`;
      const command = [join(checkout, 'packages/cli/bin/weft.js'), ...args, '--state', state];
      const env = { ...process.env, PATH, NO_COLOR: '1' };
      return (await execute(process.execPath, command, { cwd: checkout, env, maxBuffer: 16 << 20 })).stdout;
    };
    // The new command asks the old mesh, too.
    const status = async (): Promise<MeshStatus> => JSON.parse(await weft(root, 'status', '--json'));

    t.teardown(() => weft(old, 'down'));
    await weft(old, 'up', '--detach', '--port', String(port));
    const before = (await status()).supervisor.processes.find(({ name }) => name === 'control-plane');
    const [node = '', ...args] = (await readFile(`/proc/${before?.pid}/cmdline`, 'utf8')).split('\0').slice(0, -1);
    const env = environment(await readFile(`/proc/${before?.pid}/environ`, 'utf8'));
    const main = args.findIndex((argument) => argument.endsWith('services/control-plane/src/main.ts'));
    t.true(main >= 0 && args[main]?.startsWith(old), 'the old control plane runs');

    const shop = shopAt(`http://127.0.0.1:${port}`);
    const calls = new AbortController();
    let answered = 0;
    const failed: string[] = [];
    const caller = async (): Promise<void> => {
      while (!calls.signal.aborted) {
        await shop.orders.placeOrder(goodOrder()).then(
          () => answered++,
          (error: unknown) => failed.push(String(error)),
        );
        await sleep(50);
      }
    };
    t.teardown(() => calls.abort());
    const callers = [caller(), caller()];

    await weft(old, 'stop', 'control-plane');
    const upgraded = args.with(main, join(root, 'services/control-plane/src/main.ts'));
    const controlPlane = spawn(node, upgraded, { cwd: root, env, stdio: ['ignore', 'ignore', 'pipe'] });
    t.teardown(() => end(controlPlane));
    let said = '';
    controlPlane.stderr.on('data', (text) => (said += text));
    // An Envoy whose control plane is away waits longer and longer before it tries again.
    await waitFor(
      'the new control plane to serve every old sidecar',
      async () => {
        if (controlPlane.exitCode !== null) throw new Error(`the new control plane has ended: ${said.slice(-2_000)}`);
        const { workloads } = await status();
        return workloads.length >= 5 && workloads.every(({ proxy }) => proxy !== undefined);
      },
      { timeoutMs: 90_000, intervalMs: 500 },
    );
    // A replica that is added has the old kit, and a sidecar with the old bootstrap.
    const servedBefore = answered;
    await weft(old, 'scale', 'payments=2');
    const { workloads, problems } = await status();
    t.is(workloads.filter(({ name }) => name.startsWith('payments-')).length, 2);
    t.deepEqual(problems, []);
    await waitFor('calls after the upgrade', () => answered >= servedBefore + 20);

    calls.abort();
    await Promise.all(callers);
    t.log(`${answered} orders`);
    t.deepEqual(failed, []);
  },
);

function environment(text: string): NodeJS.ProcessEnv {
  return Object.fromEntries(
    text
      .split('\0')
      .filter(Boolean)
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, 'exit');
}
