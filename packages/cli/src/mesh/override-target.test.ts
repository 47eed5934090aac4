import { create } from '@bufbuild/protobuf';
import { GetStatusResponseSchema, ServiceSchema } from '@weft/api/weft/api/v1/mesh';
import test from 'ava';
import { CommandError } from '../command-error.ts';
import { callerNamed, checkCallers, overrideTarget } from './override-target.ts';

const mesh = create(GetStatusResponseSchema, {
  services: [
    {
      namespace: 'bakery',
      name: 'payments',
      logicalName: 'bakery.payments',
      grpcServices: ['bakery.payments.v1.PaymentService'],
    },
    {
      namespace: 'bakery',
      name: 'two',
      logicalName: 'bakery.two',
      grpcServices: ['bakery.two.v1.A', 'bakery.two.v1.B'],
    },
    { namespace: 'bakery', name: 'legacy' },
    { namespace: 'branch', name: 'legacy' },
    { namespace: 'bakery', name: 'bare' },
  ],
});
const path = '/bakery.payments.v1.PaymentService/Authorize';

test('finds what somebody means', (t) => {
  const payments = { namespace: 'bakery', service: 'payments' };
  for (const text of [
    path,
    path.slice(1),
    'bakery.payments/Authorize',
    'payments/Authorize',
    'PaymentService/Authorize',
  ]) {
    t.deepEqual(overrideTarget(mesh, text), { ...payments, path }, text);
  }
  for (const text of ['bakery.payments', 'payments', 'bakery/payments', 'bakery.payments.v1.PaymentService']) {
    t.deepEqual(overrideTarget(mesh, text), payments, text);
  }
  t.deepEqual(overrideTarget(mesh, 'branch/legacy'), { namespace: 'branch', service: 'legacy' });
  t.is(overrideTarget(mesh, 'bakery.two.v1.B/Get').path, '/bakery.two.v1.B/Get');
});

test('says what there is when it finds none or several', (t) => {
  t.throws(() => overrideTarget(mesh, 'bakery.nobody'), {
    message: /^No service is named bakery\.nobody\. Services: bakery\.pay/,
  });
  t.throws(() => overrideTarget(mesh, 'bakery.payment'), {
    message: /^No service is named bakery\.payment\. Did you mean bakery\.payments\? Services: /,
  });
  t.throws(() => overrideTarget(mesh, 'legacy'), { message: /bakery\/legacy and branch\/legacy/ });
  t.throws(() => overrideTarget(mesh, 'bakery.two/Get'), {
    message: /name one: bakery\.two\.v1\.A, bakery\.two\.v1\.B/,
  });
  t.throws(() => overrideTarget(mesh, 'bare/Get'), { message: /has no contract/ });
  t.throws(() => overrideTarget(mesh, 'a/b/c'), { message: /No service/ });
});

test('refuses a caller that nobody is, and says who may have been meant', (t) => {
  t.notThrows(() => checkCallers(mesh, ['bakery.payments', 'edge', '*']));
  const error = t.throws(() => checkCallers(mesh, ['edge', 'bakery.payment']), { instanceOf: CommandError });
  t.is(
    error?.message,
    'No service is named bakery.payment. Did you mean bakery.payments? Callers: bakery.payments, bakery.two, edge. Use --force to write it anyway.',
  );
  t.throws(() => checkCallers(mesh, ['payment']), { message: /No service is named payment\./ });
});

test('a caller by the name of its service, if only one has that', (t) => {
  t.is(callerNamed(mesh, 'payments'), 'bakery.payments');
  for (const text of ['bakery.payments', 'edge', '*', 'nobody', 'bare']) t.is(callerNamed(mesh, text), text);
  const branch = create(ServiceSchema, { namespace: 'branch', name: 'payments', logicalName: 'branch.payments' });
  const services = [...mesh.services, branch];
  t.is(callerNamed({ services }, 'payments'), 'payments');
  t.throws(() => checkCallers({ services }, ['payments']), {
    message: 'payments is the name of several services; name one of bakery.payments, branch.payments.',
  });
});
