import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { drainEdge } from './drain.ts';

/** An admin interface that reports these numbers of connections, one after the other, the last for ever. */
async function envoyWith(t: ExecutionContext, counts: readonly number[]) {
  const directory = await mkdtemp(join(tmpdir(), 'weft-drain-'));
  const adminSocket = join(directory, 'admin.sock');
  const calls: string[] = [];
  const server = createServer((request, response) => {
    const asked = calls.filter((call) => call.startsWith('GET')).length;
    calls.push(`${request.method} ${request.url}`);
    const active = counts[Math.min(asked, counts.length - 1)];
    response.end(request.method === 'POST' ? 'OK\n' : `http.gateway_edge.downstream_cx_active: ${active}\n`);
  }).listen(adminSocket);
  await once(server, 'listening');
  t.teardown(async () => {
    server.close();
    await rm(directory, { recursive: true });
  });
  return { adminSocket, calls };
}

test('it drains, and ends with the last connection', async (t) => {
  const { adminSocket, calls } = await envoyWith(t, [3, 1, 0]);
  t.deepEqual(await drainEdge({ adminSocket, lingerMs: 0, limitMs: 60_000, everyMs: 1 }), { connections: 0 });
  t.is(calls[0], 'POST /drain_listeners?graceful&skip_exit');
  t.is(calls.length, 4);
});

test('it does not wait for ever', async (t) => {
  const { adminSocket } = await envoyWith(t, [2]);
  t.deepEqual(await drainEdge({ adminSocket, lingerMs: 0, limitMs: 20, everyMs: 1 }), { connections: 2 });
});

test('it stays for a while though nobody is there', async (t) => {
  const { adminSocket } = await envoyWith(t, [0]);
  const beganMs = performance.now();
  await drainEdge({ adminSocket, lingerMs: 50, limitMs: 60_000, everyMs: 1 });
  t.true(performance.now() - beganMs >= 50);
});

test('without Envoy it fails at once', async (t) => {
  await t.throwsAsync(drainEdge({ adminSocket: '/nowhere/admin.sock', lingerMs: 0, limitMs: 1000 }), {
    code: 'ENOENT',
  });
});
