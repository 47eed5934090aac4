import test from 'ava';
import { contractHash } from '../contracts/contract-hash.ts';
import { parseDirectory } from '../mesh-directory/parse-directory.ts';
import { serviceRef, workloadRef } from '../model/resource-ref.ts';
import { descriptorSet, MeshDirectory } from '../testing/mesh-directory.ts';
import { assemble } from './assemble.ts';

const orders = descriptorSet('bakery.orders');
const two = { 'app.kubernetes.io/name': 'orders', 'app.kubernetes.io/instance': 'bakery' };

/** The orders of the bakery, with a selector of two labels or one. */
function bakery(selector: Record<string, string>): MeshDirectory {
  const directory = new MeshDirectory().contract('bakery', 'bakery.orders', orders);
  service(directory, 'bakery', 'orders', selector);
  return workload(directory, 'bakery', 'orders-0', selector, contractHash(orders));
}

function service(directory: MeshDirectory, namespace: string, name: string, selector: Record<string, string>) {
  return directory.put(`${namespace}/${name}.yaml`, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name },
    spec: { selector, ports: [{ port: 80, appProtocol: 'grpc' }] },
  });
}

function workload(
  directory: MeshDirectory,
  namespace: string,
  name: string,
  labels: Record<string, string>,
  contract?: string,
) {
  return directory.put(`${namespace}/workload-${name}.yaml`, {
    kind: 'Workload',
    metadata: { namespace, name, labels },
    spec: { serviceAccount: 'orders', ...(contract ? { contract } : {}), pod: { addresses: ['10.1.0.1'] } },
    status: { ready: true },
  });
}

const problems = (directory: MeshDirectory) => assemble(parseDirectory(directory.files)).problems;

test('a copied Service and a pod that is labelled as another service are named', (t) => {
  const directory = bakery(two);
  t.deepEqual(problems(directory), []);
  service(directory, 'thieves', 'orders', two);
  workload(directory, 'thieves', 'pod', { ...two, extra: 'label' });
  const why =
    'namespace thieves may not speak for bakery.orders; it gets no call to bakery.orders, and cannot call under its name';
  const row = '{namespace: thieves, protoPackage: bakery.orders} in spec.packages of mesh.yaml';
  t.deepEqual(problems(directory), [
    {
      resource: 'thieves/orders.yaml',
      about: [serviceRef('thieves/orders')],
      message: `Service thieves/orders has the name and the selector of bakery/orders, but ${why}`,
      advice: `another name, or ${row}`,
    },
    {
      resource: 'Workload thieves/pod',
      about: [workloadRef('thieves/pod')],
      field: 'metadata.labels',
      message: `has the labels of bakery/orders, but ${why}`,
      advice: `other labels, or ${row}`,
    },
  ]);
});

test('a pod with all labels is named without a Service, too; one with some of them is not', (t) => {
  const directory = bakery(two);
  workload(directory, 'thieves', 'some', { 'app.kubernetes.io/name': 'orders' });
  t.deepEqual(problems(directory), []);
  workload(directory, 'thieves', 'all', two);
  t.deepEqual(
    problems(directory).map(({ resource }) => resource),
    ['Workload thieves/all'],
  );
});

test('one label is what pods have by chance: they are named behind a copied Service only', (t) => {
  const directory = bakery({ app: 'orders' });
  workload(directory, 'other', 'pod', { app: 'orders' });
  service(directory, 'other', 'orders', { app: 'their-orders' });
  t.deepEqual(problems(directory), []);
  service(directory, 'other', 'orders', { app: 'orders' });
  t.deepEqual(
    problems(directory).map(({ resource }) => resource),
    ['other/orders.yaml', 'Workload other/pod'],
  );
});
