import test from 'ava';
import { parse } from 'yaml';
import { meshConfigYaml, packageOwnership, tracingEndpoint, workloadYaml } from './manifests.ts';

test('a workload has its status apart from its spec', (t) => {
  const yaml = workloadYaml({
    namespace: 'bakery',
    name: 'orders-0',
    labels: { app: 'orders' },
    serviceAccount: 'orders',
    contract: '0123456789abcdef',
    inbound: [{ listen: '127.0.0.1:20001', application: 'unix:/run/orders-0.sock' }],
    outbound: '127.0.0.1:20002',
    ready: false,
    reason: 'starts',
  });
  t.deepEqual(parse(yaml), {
    apiVersion: 'weft.dev/v1',
    kind: 'Workload',
    metadata: { namespace: 'bakery', name: 'orders-0', labels: { app: 'orders' } },
    spec: {
      serviceAccount: 'orders',
      contract: '0123456789abcdef',
      inbound: [{ listen: '127.0.0.1:20001', application: 'unix:/run/orders-0.sock' }],
      outbound: '127.0.0.1:20002',
    },
    status: { ready: false, reason: 'starts' },
  });
});

test('a contract hash of digits only stays text', (t) => {
  const yaml = workloadYaml({
    namespace: 'bakery',
    name: 'a',
    labels: {},
    serviceAccount: 'a',
    contract: '1234567890123456',
    inbound: [],
    ready: true,
  });
  t.is(parse(yaml).spec.contract, '1234567890123456');
});

test('each namespace speaks for the package family of its services, once', (t) => {
  t.deepEqual(
    packageOwnership([
      { namespace: 'bakery', contract: 'bakery.orders' },
      { namespace: 'bakery', contract: 'bakery.catalog' },
      { namespace: 'bank', contract: 'bank.ledger' },
      { namespace: 'tools' },
    ]),
    [
      { namespace: 'bakery', protoPackage: 'bakery' },
      { namespace: 'bank', protoPackage: 'bank' },
    ],
  );
});

test('tracing is on only where an endpoint is named', (t) => {
  t.is(tracingEndpoint(undefined), undefined);
  t.is(tracingEndpoint('not a url'), undefined);
  t.deepEqual(tracingEndpoint('http://localhost:14317'), { host: 'localhost', port: 14317, samplingPercent: 100 });
  t.deepEqual(tracingEndpoint('http://collector'), { host: 'collector', port: 4317, samplingPercent: 100 });
  t.false('tracing' in parse(meshConfigYaml([])).spec);
  t.is(parse(meshConfigYaml([])).spec.accessLog, 'all');
});

test('a mesh config exposes each namespace that has services, once', (t) => {
  const packages = [
    { namespace: 'bakery', protoPackage: 'bakery' },
    { namespace: 'bakery', protoPackage: 'bank' },
    { namespace: 'weft', protoPackage: 'edge' },
  ];
  t.deepEqual(parse(meshConfigYaml(packages)).spec.exposure, [{ namespace: 'bakery' }]);
});
