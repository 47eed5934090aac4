import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { HealthCheck } from '../service-manifest.ts';
import { healthProbe } from './health-probe.ts';
import type { ListenAddress } from './listen-address.ts';

/** Listens on a free port of loopback, and on a unix socket, one after the other. */
async function listen(t: ExecutionContext, server: Server, path?: string): Promise<ListenAddress> {
  server.listen(path === undefined ? { port: 0, host: '127.0.0.1' } : { path });
  await once(server, 'listening');
  t.teardown(() => server.close());
  return path === undefined ? { host: '127.0.0.1', port: (server.address() as AddressInfo).port } : { path };
}

async function socketPath(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'probe-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  return join(dir, 'a.sock');
}

async function reason(t: ExecutionContext, address: ListenAddress, health: HealthCheck): Promise<string> {
  const probe = healthProbe(address, health);
  t.teardown(() => probe.close());
  return (await probe.check()).reason;
}

const answer: RequestListener = (request, response) => {
  response.writeHead(request.url === '/ready' ? 204 : 503).end();
};

test('http: an answer of 2xx serves, by port and by socket; any other is named', async (t) => {
  for (const path of [undefined, await socketPath(t)]) {
    const address = await listen(t, createHttpServer(answer), path);
    t.is(await reason(t, address, { protocol: 'http', path: '/ready' }), '');
    t.is(await reason(t, address, { protocol: 'http', path: '/healthz' }), 'its health check GET /healthz answers 503');
  }
});

test('tcp: a listener serves', async (t) => {
  for (const path of [undefined, await socketPath(t)]) {
    t.is(await reason(t, await listen(t, createServer(), path), { protocol: 'tcp' }), '');
  }
});

test('nobody listens: said the same way by every protocol; with none it serves all the same', async (t) => {
  const path = await socketPath(t);
  for (const protocol of ['grpc', 'tcp'] as const) {
    t.is(await reason(t, { path }, { protocol }), 'it does not listen yet');
  }
  t.is(await reason(t, { path }, { protocol: 'http', path: '/' }), 'it does not listen yet');
  t.is(await reason(t, { path }, { protocol: 'none' }), '');
});

test('grpc: a server without grpc.health.v1 is told so', async (t) => {
  const server = createHttp2Server();
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' }, { endStream: true });
  });
  const address = await listen(t, server);
  t.regex(await reason(t, address, { protocol: 'grpc' }), /does not implement grpc.health.v1/);
});
