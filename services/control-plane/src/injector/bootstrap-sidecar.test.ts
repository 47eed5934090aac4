import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { connect, createServer as createHttp2Server, type IncomingHttpHeaders } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { firstGrpcProbePort, kubeletPort, outboundPort, readyPort } from '@weft/compiler/pod/ports';
import { findEnvoy, startEnvoy } from '@weft/dev-envoy';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { sidecarBootstrap } from './bootstrap-sidecar.ts';

const host = '127.0.0.1';
const drain = 'a$(POD_IP)secret';

async function listening(t: ExecutionContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.teardown(() => server.close());
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What the kubelet makes of the argument, on this machine's ports. */
function asHere(text: string, dir: string, ports: ReadonlyMap<number, number>): Record<string, unknown> {
  const filled = text.replace(/\$(\$|\((\w+)\))/g, (_, next: string, name?: string) =>
    next === '$' ? '$' : name === 'POD_IP' ? host : String(name),
  );
  const moved = filled
    .replace(/portValue: (\d+)/g, (_, port: string) => `portValue: ${ports.get(Number(port)) ?? port}`)
    .replaceAll('/var/run/weft/admin', dir)
    .replaceAll('/etc/weft/root', dir);
  return parse(moved);
}

function ask(port: number, path: string, method = 'GET', headers = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, path, method, headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition().catch(() => false))) await sleep(20);
}

function grpc(port: number, path: string): Promise<IncomingHttpHeaders> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://${host}:${port}`);
    session.on('error', reject);
    const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
    const stream = session.request(headers);
    stream.on('error', reject).on('response', (answer) => {
      resolve(answer);
      session.close();
    });
    stream.resume().end();
  });
}

test.serial(
  'without a control plane the sidecar answers the kubelet, passes nothing else, and is not ready',
  async (t) => {
    const seen: string[] = [];
    const web = await listening(
      t,
      createServer((got, answer) => {
        seen.push(`${got.method} ${got.url} ${got.headers['x-probe'] ?? ''}`);
        answer.writeHead(got.url?.startsWith('/broken') ? 500 : 200).end();
      }),
    );
    const health = createHttp2Server().on('stream', (stream, headers) => {
      seen.push(`grpc ${headers[':path']}`);
      stream.respond({ ':status': 200, 'grpc-status': '0' }, { endStream: true });
    });
    const open = createTcpServer((socket) => socket.end());
    const [grpcApplication, openPort] = [await listening(t, health), await listening(t, open)];
    const dir = await mkdtemp('/tmp/weft-sidecar-');
    await writeFile(`${dir}/ca-sds.yaml`, 'resources: []');
    const ports = new Map<number, number>();
    for (const port of [readyPort, kubeletPort, firstGrpcProbePort, outboundPort]) ports.set(port, await freePort());
    const [ready = 0, kubelet = 0, grpcDoor = 0, outbound = 0] = ports.values();
    const at = (port: number) => ({ host, port });
    const bootstrap = sidecarBootstrap({
      controlPlane: at(1),
      mode: 'redirect',
      routes: [
        {
          kind: 'http',
          path: '/probe/web/readiness',
          application: at(web),
          applicationPath: '/healthz?a=$(HOME)',
          tls: false,
        },
        { kind: 'http', path: '/probe/web/liveness', application: at(web), applicationPath: '/broken', tls: false },
        { kind: 'tcp', path: '/probe/web/startup', application: at(openPort), periodSeconds: 1, timeoutSeconds: 1 },
        {
          kind: 'tcp',
          path: '/probe/x/startup',
          application: at(await freePort()),
          periodSeconds: 1,
          timeoutSeconds: 1,
        },
      ],
      grpc: [{ port: firstGrpcProbePort, application: at(grpcApplication) }],
      openPorts: [],
      drainSecret: drain,
      memoryBytes: 2 ** 28,
    });
    const { path: envoy } = await findEnvoy();
    const lines: string[] = [];
    const log = (line: string) => lines.push(line);
    const proxy = await startEnvoy({ log, envoy, dir, bootstrap: { admin: {}, ...asHere(bootstrap, dir, ports) } });
    t.teardown(async () => {
      if (!t.passed) t.log(lines.join('\n'));
      await proxy.stop();
      await rm(dir, { recursive: true });
    });

    await until(async () => (await ask(kubelet, '/probe/web/startup')).status === 200);
    t.is((await ask(kubelet, '/probe/x/startup')).status, 503, 'a closed port');
    t.is((await ask(kubelet, '/probe/web/readiness', 'GET', { 'x-probe': '1' })).status, 200);
    t.is((await ask(kubelet, '/probe/web/liveness')).status, 500);
    t.deepEqual(seen, ['GET /healthz?a=$(HOME) 1', 'GET /broken ']);
    t.is((await grpc(grpcDoor, '/grpc.health.v1.Health/Check'))['grpc-status'], '0');
    t.is((await grpc(grpcDoor, '/grpc.health.v1.Health/Watch'))['grpc-status'], '12', 'any other method');
    t.is(seen.at(-1), 'grpc /grpc.health.v1.Health/Check');

    const waits = 'weft: the proxy waits for its listeners; weft status says why';
    t.deepEqual(await ask(ready, '/ready'), { status: 503, body: waits });
    t.regex((await ask(ready, '/stats/prometheus?usedonly')).body, /envoy_server_live/);
    const secret = { 'x-weft-drain': drain };
    const closed: [number, string, string?, object?][] = [
      [ready, '/config_dump'],
      [ready, '/ready', 'POST'],
      [ready, '/ready?x'],
      [ready, '/quitquitquit', 'POST'],
      [ready, '/drain', 'GET', secret],
      [kubelet, '/'],
      [kubelet, '/ready'],
      [kubelet, '/probe/web/readiness?more'],
      [kubelet, '/probe/web/readiness', 'POST'],
      [kubelet, '/probe/web/startup', 'POST'],
      [kubelet, '/drain'],
      [kubelet, '/drain', 'GET', { 'x-weft-drain': 'a guess' }],
      [kubelet, '/drain_listeners?inboundonly&graceful&skip_exit', 'POST'],
      [kubelet, '/quitquitquit', 'POST', secret],
    ];
    for (const [port, path, method = 'GET', headers = {}] of closed) {
      t.is((await ask(port, path, method, headers)).status, 404, `${method} ${path}`);
    }
    // An open port is not all that the control plane would have given it.
    const listener = createTcpServer((socket) => socket.end());
    await new Promise<void>((resolve) => listener.listen(outbound, host, resolve));
    t.teardown(() => listener.close());
    t.deepEqual(await ask(ready, '/ready'), { status: 503, body: waits });
    t.deepEqual(await ask(kubelet, '/drain', 'GET', secret), { status: 200, body: 'OK\n' });
  },
);
