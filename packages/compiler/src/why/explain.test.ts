import test from 'ava';
import { contractHash } from '../contracts/contract-hash.ts';
import { parseDirectory } from '../mesh-directory/parse-directory.ts';
import { withPolicy } from '../testing/edit-contract.ts';
import { descriptorSet, MeshDirectory } from '../testing/mesh-directory.ts';
import { assemble } from '../translation/assemble.ts';
import { explain } from './explain.ts';
import type { Explanation } from './explanation.ts';

function shop(change: (directory: MeshDirectory) => void = () => {}) {
  const directory = new MeshDirectory().edge('127.0.0.1:8080');
  for (const [index, name] of ['catalog', 'orders', 'payments'].entries()) {
    const set = descriptorSet(`shop.${name}`);
    directory.contract('shop', `shop.${name}`, set).service(name);
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

const authorize = 'shop.payments.v1.PaymentService/Authorize';

function value(explanation: Explanation, step: string, name: string) {
  const found = explanation.steps.find((candidate) => candidate.name === step);
  return found?.values.find((candidate) => candidate.name === name);
}

test('a call that is allowed: every station, each value with its source', (t) => {
  const explained = explain({ ...shop(), caller: 'shop.orders', method: authorize, certificateNotAfterMs: () => 0 });
  t.true(explained.allowed, explained.verdict);
  t.deepEqual(
    explained.steps.map(({ name }) => name),
    ['caller', 'listener', 'route', 'policy', 'cluster', 'endpoints', 'certificates', 'callee'],
  );
  t.is(value(explained, 'listener', 'shop/orders-0')?.value, '127.0.0.1:21002');
  t.regex(
    value(explained, 'route', 'deadline')?.source ?? '',
    /weft\.policy\.v1.*deadline, shop\/payments\/v1\/payments\.proto/,
  );
  t.is(value(explained, 'policy', 'contract')?.value, contractHash(descriptorSet('shop.payments')));
  t.regex(value(explained, 'policy', 'contract')?.source ?? '', /^contracts\/shop\/shop\.payments\.binpb/);
  t.is(value(explained, 'endpoints', 'shop/payments-0')?.value, '127.0.0.1:20003, ready');
  t.is(value(explained, 'certificates', 'callee must be')?.value, 'spiffe://weft.local/ns/shop/sa/payments');
  t.is(value(explained, 'certificates', 'shop/orders-0')?.source, 'certificate ends 1970-01-01T00:00:00.000Z');
});

test('a replica, a service and the end of a method name the same call', (t) => {
  const mesh = shop();
  const whole = explain({ ...mesh, caller: 'shop.orders', method: authorize });
  t.deepEqual(explain({ ...mesh, caller: 'shop/orders', method: 'PaymentService/Authorize' }), whole);
  t.deepEqual(explain({ ...mesh, caller: 'shop/orders-0', method: `/${authorize}` }).verdict, whole.verdict);
});

test('a refusal: its sentence, and the line to add', (t) => {
  const explained = explain({ ...shop(), caller: 'shop.catalog', method: authorize });
  t.false(explained.allowed);
  t.is(explained.verdict, `weft: shop.catalog may not call ${authorize}; its contract names shop.orders`);
  t.regex(explained.advice ?? '', /callers: .*"shop\.orders", "shop\.catalog".* in option .*payments\.proto/);
  const edge = explain({ ...shop(), caller: 'edge', method: authorize });
  t.regex(edge.advice ?? '', /exposure: EXPOSURE_EDGE .*payments\.proto/);
});

test('an override that denies is named, with its file', (t) => {
  const mesh = shop((directory) =>
    directory.put('user/calm.yaml', {
      kind: 'MeshOverride',
      metadata: { namespace: 'shop', name: 'calm' },
      spec: { service: 'payments', deny: ['shop.orders'] },
    }),
  );
  const explained = explain({ ...mesh, caller: 'shop.orders', method: authorize });
  t.false(explained.allowed);
  t.regex(explained.advice ?? '', /MeshOverride shop\/calm \(user\/calm\.yaml\) denies it until it is removed/);
  t.regex(value(explained, 'policy', 'MeshOverride')?.value ?? '', /shop\/calm: denies shop\.orders/);
});

test('nobody there to answer, nobody of that name, no such method', (t) => {
  const set = withPolicy(descriptorSet('shop.payments'), 'Authorize', {});
  const stopping = shop((directory) =>
    directory.contract('shop', 'shop.payments', set).replica('payments-0', {
      contract: contractHash(set),
      inbound: '127.0.0.1:20003',
      application: 'unix:/payments',
      ready: false,
    }),
  );
  const nobody = explain({ ...stopping, caller: 'shop.orders', method: authorize });
  t.regex(nobody.verdict, /no replica of shop\/payments takes it/);
  t.regex(nobody.advice ?? '', /shop\/payments-0 not ready: stopping/);
  const misspelt = explain({ ...shop(), caller: 'shop.order', method: authorize });
  t.is(misspelt.verdict, 'No service is named shop.order. Did you mean shop.orders?');
  t.is(misspelt.advice, 'name one of edge, shop.catalog, shop.orders, shop.payments');
  const missing = explain({ ...shop(), caller: 'shop.orders', method: 'shop.payments.v1.PaymentService/Steal' });
  t.is(
    missing.verdict,
    'shop.payments.v1.PaymentService has no method Steal. Did you mean shop.payments.v1.PaymentService/Capture?',
  );
  const callee = explain({ ...shop(), caller: 'shop.orders', method: 'shop.payment/Authorize' });
  t.regex(callee.verdict, /no service of the mesh has .*Did you mean shop.payments\/Authorize\?/);
});
