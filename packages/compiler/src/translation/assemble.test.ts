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

const orders = descriptorSet('shop.orders');
const payments = descriptorSet('shop.payments');

function directory(): MeshDirectory {
  return new MeshDirectory()
    .contract('shop', 'shop.orders', orders)
    .contract('shop', 'shop.payments', payments)
    .service('orders')
    .service('payments')
    .replica('orders-0', { contract: contractHash(orders), inbound: '127.0.0.1:1001', application: 'unix:/run/a' })
    .replica('payments-0', { contract: contractHash(payments), inbound: '127.0.0.1:1002', application: 'unix:/run/b' });
}

const mesh = (files: MeshDirectory) => assemble(parseDirectory(files.files));
const getOrder = '/shop.orders.v1.OrderService/GetOrder';

test('assemble: services have replicas, names and identities', (t) => {
  const { services, identities, problems } = mesh(directory());
  t.deepEqual(problems, []);
  t.like(services.get('shop/orders'), {
    logicalName: 'shop.orders',
    protocol: 'grpc',
    identities: ['spiffe://weft.local/ns/shop/sa/orders'],
    workloads: ['shop/orders-0'],
  });
  t.deepEqual(identities.get('shop.payments'), ['spiffe://weft.local/ns/shop/sa/payments']);
});

test('assemble: of two versions a caller sees the union, the longer deadline and only shared retries', (t) => {
  const longer = withPolicy(orders, 'GetOrder', { deadline: { seconds: 9n }, retry: undefined });
  const narrow = withoutMethods(longer, 'ListOrders');
  const both = mesh(
    directory()
      .contract('shop', 'new', narrow)
      .replica('orders-1', { contract: contractHash(narrow), inbound: '127.0.0.1:1003', application: 'unix:/run/c' }),
  );
  const service = both.services.get('shop/orders');
  t.is(service?.versions.size, 2);
  t.like(service?.methods.get(getOrder), { deadlineMs: 9000, retry: undefined });
  t.is(service?.methods.get(getOrder)?.versions.length, 2);
  t.deepEqual(service?.methods.get('/shop.orders.v1.OrderService/ListOrders')?.versions, [contractHash(orders)]);
});

test('assemble: a contract that breaks keeps its last good version', (t) => {
  const shop = new DirectoryCompiler(directory());
  const methods = shop.mesh.services.get('shop/orders')?.methods;
  const broken = withPolicy(orders, 'PlaceOrder', { idempotencyKey: undefined });
  shop.update(
    directory()
      .contract('shop', 'shop.orders', broken)
      .replica('orders-0', { contract: contractHash(broken), inbound: '127.0.0.1:1001', application: 'unix:/run/a' }),
  );
  t.is(shop.mesh.services.get('shop/orders')?.methods, methods);
  t.is(shop.mesh.workloads.get('shop/orders-0')?.contractHash, contractHash(orders));
  t.deepEqual(
    shop.mesh.problems.map(({ resource }) => resource),
    ['contracts/shop/shop.orders.binpb', 'Workload shop/orders-0'],
  );
});

test('assemble: after a start a contract that is broken gives way to what its Service has besides, wherever that was published', (t) => {
  const broken = withPolicy(orders, 'PlaceOrder', { idempotencyKey: undefined });
  const at = { inbound: '127.0.0.1:1003', application: 'unix:/run/c' };
  const next = mesh(
    directory()
      .contract('shop', 'next-release', broken)
      .replica('orders-1', { contract: contractHash(broken), ...at }),
  );
  t.is(next.workloads.get('shop/orders-1')?.contractHash, contractHash(orders));
  t.deepEqual(next.services.get('shop/orders')?.workloads, ['shop/orders-0', 'shop/orders-1']);
  t.true(next.problems.some(({ message }) => message.endsWith(`${contractHash(orders)} goes on serving`)));
});

test('assemble: a version stays while a replica runs it, also when its file is gone', (t) => {
  const shop = new DirectoryCompiler(directory());
  const service = shop.mesh.services.get('shop/orders');
  const unpublished = directory().remove('contracts/shop/shop.orders.binpb');
  shop.update(unpublished);
  t.deepEqual(shop.mesh.problems, []);
  t.is(shop.mesh.services.get('shop/orders'), service);
  shop.update(unpublished.remove('shop/workloads/orders-0.yaml'));
  t.is(shop.mesh.contracts.size, 1);
});

test('assemble: a service without replicas is still known by its contract', (t) => {
  const { services } = mesh(directory().remove('shop/workloads/orders-0.yaml'));
  t.true(services.get('shop/orders')?.methods.has(getOrder));
});

test('assemble: a namespace speaks only for its own packages', (t) => {
  const { services, problems } = mesh(
    directory()
      .contract('thieves', 'shop.payments', payments)
      .service('payments', 'thieves')
      .replica('payments-0', {
        namespace: 'thieves',
        contract: contractHash(payments),
        inbound: '127.0.0.1:1009',
        application: 'unix:/run/d',
      }),
  );
  t.is(services.get('thieves/payments')?.logicalName, undefined);
  t.deepEqual(services.get('shop/payments')?.workloads, ['shop/payments-0']);
  t.like(problems[0], {
    resource: 'contracts/thieves/shop.payments.binpb',
    message: 'namespace thieves may not speak for shop.payments; the contract has no effect',
    advice:
      'shop.payments belongs to namespace shop by mesh.yaml spec.packages[0]; remove the contract, or add {namespace: thieves, protoPackage: shop.payments} there',
  });
});

test('assemble: two services with one account: a rule that names one of them is refused, one that names both is not', (t) => {
  const shared = {
    contract: contractHash(orders),
    inbound: '127.0.0.1:1001',
    application: 'unix:/run/a',
    account: 'one',
  };
  const other = tinyContract('shop.returns', { Call: {} });
  const files = (names: string[]) => {
    const asked = withPolicy(payments, 'Capture', { callers: { names } });
    return directory()
      .contract('shop', 'shop.payments', asked)
      .contract('shop', 'shop.returns', other)
      .service('returns')
      .replica('orders-0', shared)
      .replica('returns-0', { ...shared, contract: contractHash(other) })
      .replica('payments-0', { contract: contractHash(asked), inbound: '127.0.0.1:1002', application: 'unix:/run/b' });
  };
  const identity = 'spiffe://weft.local/ns/shop/sa/one';
  const admitted = (files: MeshDirectory, name: string) => {
    const next = mesh(files);
    const method = next.services.get('shop/payments')?.methods.get(`/shop.payments.v1.PaymentService/${name}`);
    return [
      identitiesOf(method?.callers ?? new Set(), next),
      next.problems.filter(({ field }) => field?.endsWith(name)),
    ];
  };
  t.deepEqual(admitted(files(['shop.orders', 'shop.returns']), 'Capture'), [[identity], []]);
  t.deepEqual(admitted(files(['shop.orders']), 'Capture')[0], []);
  const { problems } = mesh(files(['shop.returns']));
  t.deepEqual(
    problems.map(({ resource, field, message }) => `${resource} ${field}: ${message}`),
    [
      'contracts/shop/shop.payments.binpb shop.payments.v1.PaymentService: callers names shop.orders, whose account spiffe://weft.local/ns/shop/sa/one is shared by Service shop/orders, Service shop/returns; they cannot be told apart and are refused',
      'contracts/shop/shop.payments.binpb shop.payments.v1.PaymentService/Capture: callers names shop.returns, whose account spiffe://weft.local/ns/shop/sa/one is shared by Service shop/orders, Service shop/returns; they cannot be told apart and are refused',
    ],
  );
});

test("assemble: who shares an account that no rule names is nobody's problem", (t) => {
  const alone = tinyContract('shop.alone', { Call: {} });
  const files = directory()
    .contract('shop', 'alone', alone)
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
    { namespace: 'shop', protoPackage: 'shop' },
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
