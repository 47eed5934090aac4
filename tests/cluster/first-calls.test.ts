import { clusterTest, freshNamespace, isReady, podsOf } from './cluster.ts';
import { apply } from './command.ts';
import { installed } from './installation.ts';
import { grpcSweepFrom, runPod } from './scratch-pod.ts';

const pods = 5;
const callsEach = 4;

const server = `
const grpc = require('node:http2').createServer();
grpc.on('stream', (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' })).on('error', () => {});
  stream.end(Buffer.alloc(5));
});
grpc.listen(9000);
process.on('SIGTERM', () => process.exit(0));`;

// A sidecar's connections to the control plane, one for its routes and one of each worker thread, lead to either replica by chance.
// With this many sidecars, some ask the other replica.
clusterTest('the first call to a Service never fails, whichever replica of the control plane is asked', async (t) => {
  const { system } = await installed(t);
  const replicas = await podsOf(system, 'app.kubernetes.io/component=control-plane');
  t.true(replicas.filter(isReady).length >= 2, 'this test needs two replicas of the control plane');
  const namespace = await freshNamespace(t, 'first-calls', { 'weft.dev/inject': 'true' });
  const names = Array.from({ length: pods * callsEach }, (_, index) => `s${index}`);
  await apply(
    names.map((name) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name },
      spec: { selector: { app: 'server' }, ports: [{ port: 9000, appProtocol: 'grpc' }] },
    })),
  );
  const [, ...callers] = await Promise.all([
    runPod(t, { namespace, name: 'server', script: server }),
    ...Array.from({ length: pods }, (_, index) => runPod(t, { namespace, name: `caller-${index}` })),
  ]);
  const outcomes = await Promise.all(
    callers.map((caller, index) => {
      const callees = names.slice(index * callsEach, (index + 1) * callsEach);
      const requests = callees.map((name) => ({ url: `http://${name}.${namespace}:9000`, path: '/acme.Echo/Say' }));
      return grpcSweepFrom(caller, requests);
    }),
  );
  for (const outcome of outcomes.flat()) t.like(outcome, { httpStatus: 200, grpcStatus: 0 }, JSON.stringify(outcomes));
});
