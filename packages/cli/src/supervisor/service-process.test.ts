import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parseServiceManifest, type ServiceManifest } from '../service-manifest.ts';
import { checkMain, checkStartable, type ServiceProcess, serviceProcess } from './service-process.ts';

async function directory(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'process-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

function service(text: string): ServiceManifest {
  const read = parseServiceManifest(text, '/p/services/cart', {
    root: '/p',
    namespace: 'bakery',
    contractOf: () => undefined,
  });
  if ('message' in read) throw new Error(read.message);
  return read;
}

const made = (text: string) =>
  serviceProcess({
    service: service(text),
    replica: 'cart-0',
    listen: { host: '127.0.0.1', port: 3000 },
    outboundPort: 4000,
    meshEnv: { PATH: '/nowhere', LANG: 'C' },
    databaseEnv: { PGHOST: '127.0.0.1' },
  });

test('the service’s own variables are laid over the user’s, and the mesh’s over both', (t) => {
  const { command, cwd, env } = made('command: cart\nenv: {LANG: de, PGHOST: elsewhere, OTEL_SERVICE_NAME: mine}');
  t.deepEqual(command, ['cart']);
  t.is(cwd, '/p/services/cart');
  t.deepEqual(env, {
    PATH: '/nowhere',
    LANG: 'de',
    PGHOST: '127.0.0.1',
    OTEL_SERVICE_NAME: 'mine',
    OTEL_RESOURCE_ATTRIBUTES: 'service.namespace=bakery,service.instance.id=cart-0',
    WEFT_SERVICE: 'bakery.cart',
    WEFT_LISTEN: '127.0.0.1:3000',
    WEFT_OUTBOUND: '127.0.0.1:4000',
  });
});

test('without a Node of the project, main runs with the Node that runs weft', (t) => {
  t.deepEqual(made('main: src/server.js').command, [process.execPath, 'src/server.js']);
});

test('a service without its main is told to write it', async (t) => {
  const cwd = await directory(t);
  const check = (main: string | undefined) => () => checkMain({ cwd, main, file: 'services/cart/weft.yaml' });
  t.throws(check('src/main.ts'), {
    message: 'its main src/main.ts does not exist; write it, or set main or command in services/cart/weft.yaml',
  });
  await writeFile(join(cwd, 'main.ts'), '');
  for (const main of ['main.ts', join(cwd, 'main.ts'), 'main', undefined]) t.notThrows(check(main));
});

test('what cannot be started is said before it is tried', async (t) => {
  const cwd = await directory(t);
  await writeFile(join(cwd, 'run'), '#!/bin/sh\n');
  const check = (parts: Partial<ServiceProcess>) => () =>
    checkStartable({ command: ['./run'], cwd, env: { PATH: cwd }, ...parts }, 'services/cart/weft.yaml');
  t.throws(check({ cwd: join(cwd, 'gone') }), {
    message: /cwd .*gone is not a directory; correct it in services\/cart/,
  });
  t.throws(check({ command: ['python9'] }), { message: /command python9 was not found; install it, or correct/ });
  t.throws(check({ command: ['./gone'] }), { message: /command \.\/gone was not found/ });
  t.throws(check({}), { message: /is not executable; `chmod \+x` it/ });
  await chmod(join(cwd, 'run'), 0o755);
  t.notThrows(check({}));
  t.notThrows(check({ command: ['run'] }));
  t.notThrows(check({ command: [join(cwd, 'run')], cwd: tmpdir() }));
});
