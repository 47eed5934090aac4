import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CommandError } from '../command-error.ts';
import { type ControlHandlers, serveControlSocket } from './control-socket.ts';
import { SupervisorClient } from './supervisor-client.ts';

async function serve(t: ExecutionContext, handlers: Partial<ControlHandlers>) {
  const dir = mkdtempSync(join(tmpdir(), 'weft-socket-'));
  const path = join(dir, 'up.sock');
  const none = () => Promise.reject(new Error('not expected'));
  const socket = await serveControlSocket(path, {
    status: () => ({}),
    scale: none,
    restart: none,
    hold: none,
    lend: none,
    down: () => {},
    ...handlers,
  });
  t.teardown(() => {
    socket.close();
    rmSync(dir, { recursive: true });
  });
  return { path, socket, client: new SupervisorClient(path) };
}

test('only its owner can reach the socket, and what it asks arrives', async (t) => {
  const asked: unknown[] = [];
  const { path, client } = await serve(t, {
    scale: async (service, replicas) => {
      asked.push([service, replicas]);
    },
    hold: async (process, held) => {
      asked.push([process, held]);
    },
  });
  t.is(statSync(path).mode & 0o777, 0o600);
  await client.scale('inventory', 3);
  await client.hold('postgres', true);
  t.deepEqual(asked, [
    ['inventory', 3],
    ['postgres', true],
  ]);
});

test('a refusal is the sentence that the other command shows', async (t) => {
  const { client } = await serve(t, {
    scale: () => Promise.reject(new CommandError('No service is named x; services: orders.')),
  });
  await t.throwsAsync(client.scale('x', 1), { instanceOf: CommandError, message: /No service is named x/ });
});

test('whoever asks for replicas and goes away is no longer worked for', async (t) => {
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { socket, client } = await serve(t, {
    scale: (_service, _replicas, signal) =>
      new Promise((_, reject) => {
        begin();
        signal.addEventListener('abort', () => {
          resolve();
          reject(signal.reason);
        });
      }),
  });
  const scaled = client.scale('orders', 2);
  const failed = t.throwsAsync(scaled, { message: /stopped meanwhile/ });
  await begun;
  socket.close();
  await failed;
  await gone;
  t.pass();
});

test('no socket, or one that nobody listens on, is no mesh', async (t) => {
  t.is(await new SupervisorClient('/nowhere/up.sock').status(), undefined);
  const { client, socket } = await serve(t, {});
  socket.close();
  t.false(await client.down());
  await t.throwsAsync(client.scale('orders', 1), { message: /No mesh is running here/ });
});
