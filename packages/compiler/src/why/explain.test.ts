import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import test from 'ava';
import { contractHash } from '../contracts/contract-hash.ts';
import { parseDirectory } from '../mesh-directory/parse-directory.ts';
import { withPolicy } from '../testing/edit-contract.ts';
import { descriptorSet, MeshDirectory } from '../testing/mesh-directory.ts';
import { assemble } from '../translation/assemble.ts';
import { explain } from './explain.ts';
import type { Explanation } from './explanation.ts';

function bakery(change: (directory: MeshDirectory) => void = () => {}) {
  const directory = new MeshDirectory().edge('127.0.0.1:8080');
  for (const [index, name] of ['catalog', 'orders', 'payments'].entries()) {
    const set = descriptorSet(`bakery.${name}`);
    directory.contract('bakery', `bakery.${name}`, set).service(name);
    directory.replica(`${name}-0`, {
      contract: contractHash(set),
      inbound: `127.0.0.1:${20001 + index}`,
      application: `unix:/${name}`,
      outbound: `127.0.0.1:${21001 + index}`,
    });
  }
  change(directory);
  const facts = parseDirectory(directory.files);
  return { facts, mesh: assemble(facts, 1000) };
}

const authorize = 'bakery.payments.v1.PaymentService/Authorize';

function value(explanation: Explanation, step: string, name: string) {
  const found = explanation.steps.find((candidate) => candidate.name === step);
  return found?.values.find((candidate) => candidate.name === name);
}

test('a call that is allowed: every station, each value with its source', (t) => {
  const explained = explain({
    ...bakery(),
    caller: 'bakery.orders',
    method: authorize,
    certificateNotAfterMs: () => 0,
  });
  t.true(explained.allowed, explained.verdict);
  t.deepEqual(
    explained.steps.map(({ name }) => name),
    ['caller', 'listener', 'route', 'policy', 'cluster', 'endpoints', 'certificates', 'callee'],
  );
  t.is(value(explained, 'listener', 'bakery/orders-0')?.value, '127.0.0.1:21002');
  t.regex(
    value(explained, 'route', 'deadline')?.source ?? '',
    /weft\.policy\.v1.*deadline, bakery\/payments\/v1\/payments\.proto/,
  );
  t.is(value(explained, 'policy', 'contract')?.value, contractHash(descriptorSet('bakery.payments')));
  t.regex(value(explained, 'policy', 'contract')?.source ?? '', /^contracts\/bakery\/bakery\.payments\.binpb/);
  t.is(value(explained, 'endpoints', 'bakery/payments-0')?.value, '127.0.0.1:20003, ready');
  t.is(value(explained, 'certificates', 'callee must be')?.value, 'spiffe://weft.local/ns/bakery/sa/payments');
  t.is(value(explained, 'certificates', 'bakery/orders-0')?.source, 'certificate ends 1970-01-01T00:00:00.000Z');
});

test('a replica, a service and the end of a method name the same call', (t) => {
  const mesh = bakery();
  const whole = explain({ ...mesh, caller: 'bakery.orders', method: authorize });
  t.deepEqual(explain({ ...mesh, caller: 'bakery/orders', method: 'PaymentService/Authorize' }), whole);
  t.deepEqual(explain({ ...mesh, caller: 'bakery/orders-0', method: `/${authorize}` }).verdict, whole.verdict);
});

test('short names that only one service or method has', (t) => {
  const mesh = bakery();
  const whole = explain({ ...mesh, caller: 'bakery.orders', method: authorize });
  for (const method of ['bakery.payments/Authorize', 'payments/Authorize', 'Authorize', '/Authorize']) {
    t.deepEqual(explain({ ...mesh, caller: 'orders', method }), whole, method);
  }
  const wrong = explain({ ...mesh, caller: 'orders', method: 'payments/Steal' });
  t.regex(wrong.verdict, /^payments has no method Steal/);
  t.regex(wrong.advice ?? '', /one of .*bakery\.payments\.v1\.PaymentService\/Authorize/);
});

test('a short name that several have: their full names', (t) => {
  const mesh = bakery((directory) => directory.service('payments', 'branch'));
  const caller = explain({ ...mesh, caller: 'payments', method: authorize });
  t.true(caller.isUnknown);
  t.is(caller.verdict, 'payments is the name of several services');
  t.regex(caller.advice ?? '', /^name one of bakery\.payments, branch\/payments$/);
  const set = fromBinary(FileDescriptorSetSchema, descriptorSet('bakery.payments'));
  for (const method of set.file.flatMap((file) => file.service).flatMap((service) => service.method)) {
    if (method.name === 'Refund') method.name = 'PlaceOrder';
  }
  const twice = bakery((directory) =>
    directory
      .contract('bakery', 'bakery.payments', toBinary(FileDescriptorSetSchema, set))
      .remove('bakery/workloads/payments-0.yaml'),
  );
  const method = explain({ ...twice, caller: 'orders', method: 'PlaceOrder' });
  t.true(method.isUnknown);
  t.is(method.verdict, 'PlaceOrder may mean several methods');
  t.is(
    method.advice,
    'name one of bakery.orders.v1.OrderService/PlaceOrder, bakery.payments.v1.PaymentService/PlaceOrder',
  );
});

test('a refusal: its sentence, and the line to add', (t) => {
  const explained = explain({ ...bakery(), caller: 'bakery.catalog', method: authorize });
  t.false(explained.allowed);
  t.is(explained.verdict, `weft: bakery.catalog may not call ${authorize}; its contract names bakery.orders`);
  t.regex(explained.advice ?? '', /callers: .*"bakery\.orders", "bakery\.catalog".* in option .*payments\.proto/);
  const edge = explain({ ...bakery(), caller: 'edge', method: authorize });
  t.regex(edge.advice ?? '', /exposure: EXPOSURE_EDGE .*payments\.proto/);
});

test('an override that denies is named, with its file', (t) => {
  const mesh = bakery((directory) =>
    directory.put('user/calm.yaml', {
      kind: 'MeshOverride',
      metadata: { namespace: 'bakery', name: 'calm' },
      spec: { service: 'payments', deny: ['bakery.orders'] },
    }),
  );
  const explained = explain({ ...mesh, caller: 'bakery.orders', method: authorize });
  t.false(explained.allowed);
  t.regex(explained.advice ?? '', /MeshOverride bakery\/calm \(user\/calm\.yaml\) denies it until it is removed/);
  t.regex(value(explained, 'policy', 'MeshOverride')?.value ?? '', /bakery\/calm: denies bakery\.orders/);
});

test('nobody there to answer, nobody of that name, no such method', (t) => {
  const set = withPolicy(descriptorSet('bakery.payments'), 'Authorize', {});
  const stopping = bakery((directory) =>
    directory.contract('bakery', 'bakery.payments', set).replica('payments-0', {
      contract: contractHash(set),
      inbound: '127.0.0.1:20003',
      application: 'unix:/payments',
      ready: false,
    }),
  );
  const nobody = explain({ ...stopping, caller: 'bakery.orders', method: authorize });
  t.regex(nobody.verdict, /no replica of bakery\/payments takes it/);
  t.regex(nobody.advice ?? '', /bakery\/payments-0 not ready: stopping/);
  const misspelt = explain({ ...bakery(), caller: 'bakery.order', method: authorize });
  t.is(misspelt.verdict, 'No service is named bakery.order. Did you mean bakery.orders?');
  t.is(misspelt.advice, 'name one of bakery.catalog, bakery.orders, bakery.payments, edge');
  const missing = explain({ ...bakery(), caller: 'bakery.orders', method: 'bakery.payments.v1.PaymentService/Steal' });
  t.is(
    missing.verdict,
    'bakery.payments.v1.PaymentService has no method Steal. Did you mean bakery.payments.v1.PaymentService/Capture?',
  );
  const callee = explain({ ...bakery(), caller: 'bakery.orders', method: 'bakery.payment/Authorize' });
  t.regex(callee.verdict, /no service of the mesh has .*Did you mean bakery.payments\/Authorize\?/);
});
