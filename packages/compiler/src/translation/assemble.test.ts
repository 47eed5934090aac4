import test from 'ava';
import { contractHash } from '../contracts/contract-hash.ts';
import { parseDirectory } from '../mesh-directory/parse-directory.ts';
import { identitiesOf } from '../model/identities.ts';
import { workloadRef } from '../model/resource-ref.ts';
import { DirectoryCompiler } from '../testing/directory-compiler.ts';
import { withoutMethods, withPolicy } from '../testing/edit-contract.ts';
import { descriptorSet, MeshDirectory } from '../testing/mesh-directory.ts';
import { tinyContract } from '../testing/tiny-contract.ts';
import { assemble } from './assemble.ts';

const orders = descriptorSet('bakery.orders');
const payments = descriptorSet('bakery.payments');

function directory(): MeshDirectory {
  return new MeshDirectory()
    .contract('bakery', 'bakery.orders', orders)
    .contract('bakery', 'bakery.payments', payments)
    .service('orders')
    .service('payments')
    .replica('orders-0', { contract: contractHash(orders), inbound: '127.0.0.1:1001', application: 'unix:/run/a' })
    .replica('payments-0', { contract: contractHash(payments), inbound: '127.0.0.1:1002', application: 'unix:/run/b' });
}

const mesh = (files: MeshDirectory) => assemble(parseDirectory(files.files));
const getOrder = '/bakery.orders.v1.OrderService/GetOrder';

test('assemble: services have replicas, names and identities', (t) => {
  const { services, identities, problems } = mesh(directory());
  t.deepEqual(problems, []);
  t.like(services.get('bakery/orders'), {
    logicalName: 'bakery.orders',
    protocol: 'grpc',
    identities: ['spiffe://weft.local/ns/bakery/sa/orders'],
    workloads: ['bakery/orders-0'],
  });
  t.deepEqual(identities.get('bakery.payments'), ['spiffe://weft.local/ns/bakery/sa/payments']);
});

test('assemble: of two versions a caller sees the union, the longer deadline and only shared retries', (t) => {
  const longer = withPolicy(orders, 'GetOrder', { deadline: { seconds: 9n }, retry: undefined });
  const narrow = withoutMethods(longer, 'ListOrders');
  const both = mesh(
    directory()
      .contract('bakery', 'new', narrow)
      .replica('orders-1', { contract: contractHash(narrow), inbound: '127.0.0.1:1003', application: 'unix:/run/c' }),
  );
  const service = both.services.get('bakery/orders');
  t.is(service?.versions.size, 2);
  t.like(service?.methods.get(getOrder), { deadlineMs: 9000, retry: undefined });
  t.is(service?.methods.get(getOrder)?.versions.length, 2);
  t.deepEqual(service?.methods.get('/bakery.orders.v1.OrderService/ListOrders')?.versions, [contractHash(orders)]);
});

test('assemble: a contract that breaks keeps its last good version', (t) => {
  const bakery = new DirectoryCompiler(directory());
  const methods = bakery.mesh.services.get('bakery/orders')?.methods;
  const broken = withPolicy(orders, 'PlaceOrder', { idempotencyKey: undefined });
  bakery.update(
    directory()
      .contract('bakery', 'bakery.orders', broken)
      .replica('orders-0', { contract: contractHash(broken), inbound: '127.0.0.1:1001', application: 'unix:/run/a' }),
  );
  t.is(bakery.mesh.services.get('bakery/orders')?.methods, methods);
  t.is(bakery.mesh.workloads.get('bakery/orders-0')?.contractHash, contractHash(orders));
  t.deepEqual(
    bakery.mesh.problems.map(({ resource }) => resource),
    ['contracts/bakery/bakery.orders.binpb', 'Workload bakery/orders-0'],
  );
});

test('assemble: after a start a contract that is broken gives way to what its Service has besides, wherever that was published', (t) => {
  const broken = withPolicy(orders, 'PlaceOrder', { idempotencyKey: undefined });
  const at = { inbound: '127.0.0.1:1003', application: 'unix:/run/c' };
  const next = mesh(
    directory()
      .contract('bakery', 'next-release', broken)
      .replica('orders-1', { contract: contractHash(broken), ...at }),
  );
  t.is(next.workloads.get('bakery/orders-1')?.contractHash, contractHash(orders));
  t.deepEqual(next.services.get('bakery/orders')?.workloads, ['bakery/orders-0', 'bakery/orders-1']);
  t.true(next.problems.some(({ message }) => message.endsWith(`${contractHash(orders)} keeps serving`)));
});

test('assemble: a version stays while a replica runs it, also when its file is gone', (t) => {
  const bakery = new DirectoryCompiler(directory());
  const service = bakery.mesh.services.get('bakery/orders');
  const unpublished = directory().remove('contracts/bakery/bakery.orders.binpb');
  bakery.update(unpublished);
  t.deepEqual(bakery.mesh.problems, []);
  t.is(bakery.mesh.services.get('bakery/orders'), service);
  bakery.update(unpublished.remove('bakery/workloads/orders-0.yaml'));
  t.is(bakery.mesh.contracts.size, 1);
});

test('assemble: a service without replicas is still known by its contract', (t) => {
  const { services } = mesh(directory().remove('bakery/workloads/orders-0.yaml'));
  t.true(services.get('bakery/orders')?.methods.has(getOrder));
});

test('assemble: a namespace speaks only for its own packages', (t) => {
  const { services, problems } = mesh(
    directory()
      .contract('thieves', 'bakery.payments', payments)
      .service('payments', 'thieves')
      .replica('payments-0', {
        namespace: 'thieves',
        contract: contractHash(payments),
        inbound: '127.0.0.1:1009',
        application: 'unix:/run/d',
      }),
  );
  t.is(services.get('thieves/payments')?.logicalName, undefined);
  t.deepEqual(services.get('bakery/payments')?.workloads, ['bakery/payments-0']);
  t.like(problems[0], {
    resource: 'contracts/thieves/bakery.payments.binpb',
    message: 'namespace thieves may not speak for bakery.payments; the contract has no effect',
    advice:
      'bakery.payments belongs to namespace bakery by mesh.yaml spec.packages[0]; remove the contract, or add {namespace: thieves, protoPackage: bakery.payments} there',
  });
});

test('assemble: two services with one account: a rule that names one of them is refused, one that names both is not', (t) => {
  const shared = {
    contract: contractHash(orders),
    inbound: '127.0.0.1:1001',
    application: 'unix:/run/a',
    account: 'one',
  };
  const other = tinyContract('bakery.returns', { Call: {} });
  const files = (names: string[]) => {
    const asked = withPolicy(payments, 'Capture', { callers: { names } });
    return directory()
      .contract('bakery', 'bakery.payments', asked)
      .contract('bakery', 'bakery.returns', other)
      .service('returns')
      .replica('orders-0', shared)
      .replica('returns-0', { ...shared, contract: contractHash(other) })
      .replica('payments-0', { contract: contractHash(asked), inbound: '127.0.0.1:1002', application: 'unix:/run/b' });
  };
  const identity = 'spiffe://weft.local/ns/bakery/sa/one';
  const admitted = (files: MeshDirectory, name: string) => {
    const next = mesh(files);
    const method = next.services.get('bakery/payments')?.methods.get(`/bakery.payments.v1.PaymentService/${name}`);
    return [
      identitiesOf(method?.callers ?? new Set(), next),
      next.problems.filter(({ field }) => field?.endsWith(name)),
    ];
  };
  t.deepEqual(admitted(files(['bakery.orders', 'bakery.returns']), 'Capture'), [[identity], []]);
  t.deepEqual(admitted(files(['bakery.orders']), 'Capture')[0], []);
  const { problems } = mesh(files(['bakery.returns']));
  t.deepEqual(
    problems.map(({ resource, field, message }) => `${resource} ${field}: ${message}`),
    [
      'contracts/bakery/bakery.payments.binpb bakery.payments.v1.PaymentService: callers names bakery.orders, whose account spiffe://weft.local/ns/bakery/sa/one is shared by Service bakery/orders, Service bakery/returns; they cannot be told apart and are refused',
      'contracts/bakery/bakery.payments.binpb bakery.payments.v1.PaymentService/Capture: callers names bakery.returns, whose account spiffe://weft.local/ns/bakery/sa/one is shared by Service bakery/orders, Service bakery/returns; they cannot be told apart and are refused',
    ],
  );
});

test("assemble: who shares an account that no rule names is nobody's problem", (t) => {
  const alone = tinyContract('bakery.alone', { Call: {} });
  const files = directory()
    .contract('bakery', 'alone', alone)
    .service('alone')
    .replica('alone-0', {
      contract: contractHash(alone),
      inbound: '127.0.0.1:1',
      application: 'unix:/a',
      account: 'two',
    })
    .service('bare')
    .replica('bare-0', { inbound: '127.0.0.1:1', application: 'unix:/a', account: 'two' });
  t.deepEqual(mesh(files).problems, []);
});

test('assemble: a gateway that nobody declared is named', (t) => {
  const { problems } = mesh(directory().edge('127.0.0.1:8080').remove('edge.yaml'));
  t.is(problems[0]?.message, 'there is no Gateway edge; the replica serves nothing');
});

test('assemble: nobody but the namespace that the mesh gives it to runs the edge, and calls by its name', (t) => {
  const packages = [
    { namespace: 'bakery', protoPackage: 'bakery' },
    { namespace: 'weft', protoPackage: 'edge' },
  ];
  const files = directory()
    .edge('127.0.0.1:8080')
    .put('mesh.yaml', { kind: 'MeshConfig', metadata: { name: 'mesh' }, spec: { packages } })
    .put('thieves/edge.yaml', {
      kind: 'Workload',
      metadata: { namespace: 'thieves', name: 'edge-0' },
      spec: { serviceAccount: 'edge', gateway: { name: 'edge', listen: '127.0.0.1:8081' } },
      status: { ready: true },
    });
  const { identities, gateways, problems } = mesh(files);
  t.deepEqual(identities.get('edge'), ['spiffe://weft.local/ns/weft/sa/edge']);
  t.deepEqual(gateways.get('edge')?.workloads, ['weft/edge-0']);
  t.deepEqual(problems, [
    {
      resource: 'Workload thieves/edge-0',
      about: [workloadRef('thieves/edge-0')],
      field: 'spec.gateway.name',
      message: 'namespace thieves may not run gateway edge; the replica serves nothing',
      advice: 'edge belongs to namespace weft by spec.packages of mesh.yaml',
    },
  ]);
});
