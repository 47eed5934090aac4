import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { tinyContract } from '@weft/compiler/testing/tiny-contract';
import { waitFor } from '../wait-for.ts';
import { clusterTest, freshNamespace, isReady, type PodObject, podsOf } from './cluster.ts';
import { apply } from './command.ts';
import { installed } from './installation.ts';
import { givePackage } from './mesh-config.ts';
import { grpcFrom, grpcSweepFrom, runPod } from './scratch-pod.ts';
import { counterOf } from './sidecar-metrics.ts';

const pods = 5;
const callsEach = 4;
const path = '/acme.Echo/Say';
const callerName = 'firstcalls.caller';

const server = `
const grpc = require('node:http2').createServer();
grpc.on('stream', (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' })).on('error', () => {});
  stream.end(Buffer.alloc(5));
});
grpc.listen(9000);
process.on('SIGTERM', () => process.exit(0));`;

function service(namespace: string, name: string, selector: object) {
  const spec = { selector, ports: [{ port: 9000, appProtocol: 'grpc' }] };
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name }, spec };
}

/** A Service of the server that names its caller, so that the caller's sidecar is not told of it before the first call. */
function callee(namespace: string, name: string): readonly object[] {
  return [
    service(namespace, name, { app: 'server' }),
    {
      apiVersion: 'weft.dev/v1',
      kind: 'MeshPolicy',
      metadata: { namespace, name },
      spec: { service: name, methods: [{ path, callers: [callerName] }] },
    },
  ];
}

const urlOf = (pod: PodObject, name: string) => `http://${name}.${pod.metadata.namespace}:9000`;

// A sidecar has a connection to the control plane for its routes, and one per worker thread for questions about first calls. Each leads
// to either replica by chance: with this many sidecars, some ask the other one.
clusterTest('the first call to a Service never fails, whichever replica of the control plane is asked', async (t) => {
  const { system } = await installed(t);
  const replicas = await podsOf(system, 'app.kubernetes.io/component=control-plane');
  t.true(replicas.filter(isReady).length >= 2, 'this test needs two replicas of the control plane');
  const namespace = await freshNamespace(t, 'first-calls', { 'weft.dev/inject': 'true' });
  await givePackage(t, namespace, 'firstcalls');
  const contract = tinyContract(callerName, { Call: {} });
  const hash = contractHash(contract);
  const names = Array.from({ length: pods * callsEach }, (_, index) => `s${index}`);
  await apply([
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace, name: `weft-contract-${callerName}`, labels: { 'weft.dev/contract': hash } },
      immutable: true,
      binaryData: { 'contract.binpb': Buffer.from(contract).toString('base64') },
    },
    service(namespace, 'caller', { role: 'caller' }),
    ...['warm', ...names].flatMap((name) => callee(namespace, name)),
  ]);
  const labels = { role: 'caller', 'weft.dev/contract': hash };
  const startCaller = (index: number) =>
    runPod(t, { namespace, name: `caller-${index}`, serviceAccount: 'caller', labels });
  const [, first, ...others] = await Promise.all([
    runPod(t, { namespace, name: 'server', serviceAccount: 'server', script: server }),
    ...Array.from({ length: pods }, (_, index) => startCaller(index)),
  ]);
  if (first === undefined) return t.fail('no caller');
  await waitFor('the contract and the policies', async () => {
    const outcome = await grpcFrom(first, urlOf(first, 'warm'), path);
    return outcome.grpcStatus === 0 || Promise.reject(new Error(JSON.stringify(outcome)));
  });

  const callers = [first, ...others];
  const asked = async () => {
    const counts = callers.map(({ status }) => counterOf(status.podIP, 'envoy_http_ext_authz_ok', {}));
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  };
  const before = await asked();
  const outcomes = await Promise.all(
    callers.map((caller, index) => {
      const callees = names.slice(index * callsEach, (index + 1) * callsEach);
      return grpcSweepFrom(
        caller,
        callees.map((name) => ({ url: urlOf(caller, name), path })),
      );
    }),
  );
  for (const outcome of outcomes.flat()) t.is(outcome.grpcStatus, 0, JSON.stringify(outcome));
  t.true((await asked()) - before >= names.length, 'each of these calls was the first');
});
