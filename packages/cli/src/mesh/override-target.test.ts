import { create } from '@bufbuild/protobuf';
import { GetStatusResponseSchema } from '@weft/api/weft/api/v1/mesh';
import test from 'ava';
import { CommandError } from '../command-error.ts';
import { checkCallers, overrideTarget } from './override-target.ts';

const mesh = create(GetStatusResponseSchema, {
  services: [
    {
      namespace: 'shop',
      name: 'payments',
      logicalName: 'shop.payments',
      grpcServices: ['shop.payments.v1.PaymentService'],
    },
    { namespace: 'shop', name: 'two', logicalName: 'shop.two', grpcServices: ['shop.two.v1.A', 'shop.two.v1.B'] },
    { namespace: 'shop', name: 'legacy' },
    { namespace: 'branch', name: 'legacy' },
    { namespace: 'shop', name: 'bare' },
  ],
});
const path = '/shop.payments.v1.PaymentService/Authorize';

test('finds what somebody means', (t) => {
  const payments = { namespace: 'shop', service: 'payments' };
  for (const text of [
    path,
    path.slice(1),
    'shop.payments/Authorize',
    'payments/Authorize',
    'PaymentService/Authorize',
  ]) {
    t.deepEqual(overrideTarget(mesh, text), { ...payments, path }, text);
  }
  for (const text of ['shop.payments', 'payments', 'shop/payments', 'shop.payments.v1.PaymentService']) {
    t.deepEqual(overrideTarget(mesh, text), payments, text);
  }
  t.deepEqual(overrideTarget(mesh, 'branch/legacy'), { namespace: 'branch', service: 'legacy' });
  t.is(overrideTarget(mesh, 'shop.two.v1.B/Get').path, '/shop.two.v1.B/Get');
});

test('says what there is when it finds none or several', (t) => {
  t.throws(() => overrideTarget(mesh, 'shop.nobody'), {
    message: /^No service is named shop\.nobody\. Services: shop\.pay/,
  });
  t.throws(() => overrideTarget(mesh, 'shop.payment'), {
    message: /^No service is named shop\.payment\. Did you mean shop\.payments\? Services: /,
  });
  t.throws(() => overrideTarget(mesh, 'legacy'), { message: /shop\/legacy and branch\/legacy/ });
  t.throws(() => overrideTarget(mesh, 'shop.two/Get'), { message: /name one: shop\.two\.v1\.A, shop\.two\.v1\.B/ });
  t.throws(() => overrideTarget(mesh, 'bare/Get'), { message: /has no contract/ });
  t.throws(() => overrideTarget(mesh, 'a/b/c'), { message: /No service/ });
});

test('refuses a caller that nobody is, and says who may have been meant', (t) => {
  t.notThrows(() => checkCallers(mesh, ['shop.payments', 'edge', '*']));
  const error = t.throws(() => checkCallers(mesh, ['edge', 'shop.payment']), { instanceOf: CommandError });
  t.is(
    error?.message,
    'No service is named shop.payment. Did you mean shop.payments? Callers: edge, shop.payments, shop.two. Use --force if you mean it.',
  );
  t.throws(() => checkCallers(mesh, ['payments']), { message: /No service is named payments\./ });
});
