import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { encodeResource } from '@weft/compiler/envoy/encode';
import { notedPort } from '@weft/compiler/envoy/http-connection-manager';
import { type Resource, typeUrls } from '@weft/compiler/envoy/resource';
import { MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import { TypedExtensionConfigSchema } from '@weft/envoy-api/envoy/config/core/v3/extension';
import { ListenerSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import { HttpConnectionManagerSchema } from '@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import anyTest, { type TestFn } from 'ava';
import { freePorts } from './testing/free-ports.ts';
import { RawCaller } from './testing/raw-call.ts';
import { until } from './testing/running-control-plane.ts';
import { type RunningMesh, runMesh } from './testing/running-mesh.ts';

const test = anyTest as TestFn<{
  mesh: RunningMesh;
  /** The ports to which the callers' connections are made; a Service has the redirected one's, too. */
  ports: { direct: number; redirected: number };
}>;

let calls = 0;

/** As in a pod whose calls are redirected, which a test cannot do without root. */
function redirected(resource: Resource, port: number): Resource {
  if (resource.typeUrl !== typeUrls.listener || resource.name !== 'outbound') return resource;
  const listener = fromBinary(ListenerSchema, resource.body);
  const { address } = listener.address ?? {};
  if (address?.case !== 'socketAddress' || address.value.portSpecifier.value !== port) return resource;
  for (const { configType } of listener.filterChains.flatMap(({ filters }) => filters)) {
    if (configType.case !== 'typedConfig') continue;
    const manager = fromBinary(HttpConnectionManagerSchema, configType.value.value);
    manager.earlyHeaderMutationExtensions.push(create(TypedExtensionConfigSchema, notedPort));
    configType.value.value = toBinary(HttpConnectionManagerSchema, manager);
  }
  return encodeResource(typeUrls.listener, resource.name, ListenerSchema, listener);
}

test.before(async (t) => {
  const [direct = 0, at = 0] = await freePorts(2);
  const mesh = await runMesh({ delivered: (resource) => redirected(resource, at) });
  const directory = new MeshDirectory({ accessLog: 'all' });
  const service = (name: string, clusterIP: string, ports: readonly object[], namespace = 'bakery') =>
    directory.put(`${namespace}/${name}.yaml`, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name },
      spec: { clusterIP, selector: { app: name }, ports },
    });
  const http = (port: number) => ({ port, appProtocol: 'http' });
  service('echo', '10.96.0.1', [http(8080), http(80), { port: 9090, appProtocol: 'http2' }, { port: 7000 }, http(at)]);
  service('single', '10.96.0.2', [http(8080)]);
  service('several', '10.96.0.3', [http(8080), http(9090)]);
  service('raw', '10.96.0.4', [{ port: 80 }, http(8080)]);
  directory.replica('direct-0', { outbound: `127.0.0.1:${direct}` });
  directory.replica('redirected-0', { outbound: `127.0.0.1:${at}` });
  await mesh.update(directory);
  t.deepEqual(mesh.compiler.mesh.problems, []);
  await mesh.startProxy('bakery/direct-0');
  await mesh.startProxy('bakery/redirected-0');
  t.deepEqual(mesh.nacks, []);
  Object.assign(t.context, { mesh, ports: { direct, redirected: at } });
});

test.after.always((t) => t.context.mesh?.stop());

/** The cluster that a call went to, else the status and the words of its answer. No replica runs. */
async function whereTo(mesh: RunningMesh, port: number, authority: string): Promise<string> {
  const caller = new RawCaller(`127.0.0.1:${port}`);
  calls += 1;
  const path = `/call-${calls}`;
  const { status, body } = await caller.call({ authority, path, headers: { 'content-type': 'text/plain' }, body: '' });
  caller.close();
  const line = () => mesh.log.find((each) => each.includes('"log":"access"') && each.includes(`"${path}"`));
  await until(() => line() !== undefined);
  const { cluster } = JSON.parse((line() ?? '{}').replace(/^[^{]*/, ''));
  return typeof cluster === 'string' && cluster.startsWith('outbound|')
    ? cluster
    : `${status} ${String(body).replaceAll(String(port), 'AT')}`;
}

const main = 'outbound|bakery/echo';

for (const [host, direct, redirected] of [
  ['echo:8080', main, main],
  ['echo:80', `${main}|80`, `${main}|80`],
  ['echo:9090', `${main}|9090`, `${main}|9090`],
  // Without a port: 80, or where the connection was made to.
  ...['echo', 'echo.bakery', 'echo.bakery.svc', 'echo.bakery.svc.cluster.local', '10.96.0.1'].flatMap((name) =>
    [name, ...(name.startsWith('10') ? [] : [`${name}.`, name.toUpperCase()])].map(
      (form) => [form, `${main}|80`, `${main}|AT`] as const,
    ),
  ),
  ['ECHO.bakery.svc.cluster.local.:9090', `${main}|9090`, `${main}|9090`],
  ['single', 'outbound|bakery/single', '404 weft: Service bakery/single has no such port for HTTP; it has 8080'],
  ['single:8080', 'outbound|bakery/single', 'outbound|bakery/single'],
  [
    'several',
    '404 weft: Service bakery/several has no such port for HTTP; it has 8080 and 9090',
    '404 weft: Service bakery/several has no such port for HTTP; it has 8080 and 9090',
  ],
  ['several:9090', 'outbound|bakery/several|9090', 'outbound|bakery/several|9090'],
  [
    'raw',
    '404 weft: Service bakery/raw has no such port for HTTP; it has 8080',
    '404 weft: Service bakery/raw has no such port for HTTP; it has 8080',
  ],
  [
    'single:9999',
    '404 weft: Service bakery/single has no port 9999 for HTTP; it has 8080',
    '404 weft: Service bakery/single has no port 9999 for HTTP; it has 8080',
  ],
  [
    'raw:80',
    '404 weft: Service bakery/raw has no port 80 for HTTP; it has 8080',
    '404 weft: Service bakery/raw has no port 80 for HTTP; it has 8080',
  ],
] as const) {
  test(`a call to ${host}`, async (t) => {
    const { mesh, ports } = t.context;
    t.is(await whereTo(mesh, ports.direct, host), direct);
    const found = await whereTo(mesh, ports.redirected, host);
    t.is(found.replace(`|${ports.redirected}`, '|AT'), redirected);
  });
}
