import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { projectAt } from '../project.ts';
import { ForeignProject, proto } from './foreign-project.fixture.ts';
import { packContracts } from './pack-contracts.ts';

const root = join(import.meta.dirname, '../../../..');

test('a contract goes into another repository: types, .proto imports, a program', async (t) => {
  // A dozen processes, each waiting for its turn on a busy machine.
  t.timeout(180_000);
  const bank = new ForeignProject('bank');
  const bakery = new ForeignProject('bakery');
  t.teardown(() => {
    bank.remove();
    bakery.remove();
  });
  const ofBank = (text: string) => text.replaceAll('bakery.', 'bank.');
  bank.write('services/.keep', '');
  bank.write(
    'proto/bank/money/v1/money.proto',
    'syntax = "proto3";\npackage bank.money.v1;\nmessage Money { int64 units = 1; }\n',
  );
  bank.write(
    'proto/bank/payments/v1/payments.proto',
    ofBank(
      proto('payments', {
        callers: ['elsewhere.orders'],
        imports: ['bank/money/v1/money.proto', 'buf/validate/validate.proto'],
        more: 'message Paid { bank.money.v1.Money money = 1; }\n',
      }),
    ).replace('string id = 1', 'string id = 1 [(buf.validate.field).string.min_len = 1]'),
  );
  const packed = await bank.weft(['contract', 'pack', '--out', 'tarballs']);
  t.is(packed.stderr, '');
  t.regex(packed.stdout, /^packed bank\.payments: tarballs\/bank-payments-contract-0\.1\.0\.tgz$/m);
  await t.throwsAsync(packContracts(projectAt(bank.root), ['payment'], join(bank.root, 'tarballs')), {
    message: 'No contract is named payment. Contracts: bank.money, bank.payments.',
  });

  // As npm installs it from a registry; what comes from one is linked, so that the test needs none.
  const linked = (path: string) => `file:${join(root, path)}`;
  bakery.write(
    'package.json',
    JSON.stringify({
      name: 'bakery',
      private: true,
      type: 'module',
      dependencies: {
        '@bank/payments-contract': `file:${join(bank.root, 'tarballs/bank-payments-contract-0.1.0.tgz')}`,
        '@bank/money-contract': `file:${join(bank.root, 'tarballs/bank-money-contract-0.1.0.tgz')}`,
        '@weft/policy': linked('packages/policy'),
        '@weft/cli': linked('packages/cli'),
        '@bufbuild/protobuf': linked('node_modules/@bufbuild/protobuf'),
      },
    }),
  );
  bakery.forget('node_modules');
  const args = ['install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  const installed = await bakery.run('npm', args);
  t.is(installed.code, 0, installed.stderr);
  const listed = execFileSync('tar', ['-tzf', join(bank.root, 'tarballs/bank-payments-contract-0.1.0.tgz')]).toString();
  t.deepEqual(listed.trim().split('\n').sort(), [
    'package/README.md',
    'package/descriptor.binpb',
    'package/gen/bank/payments/v1/payments_pb.d.ts',
    'package/gen/bank/payments/v1/payments_pb.js',
    'package/gen/v1.d.ts',
    'package/gen/v1.js',
    'package/package.json',
    'package/proto/bank/payments/v1/payments.proto',
  ]);

  bakery.write(
    'proto/bakery/orders/v1/orders.proto',
    proto('orders', {
      callers: ['bank.payments'],
      imports: ['bank/payments/v1/payments.proto'],
      more: 'message Receipt { bank.payments.v1.Paid paid = 1; }\n',
    }),
  );
  bakery.write('services/.keep', '');
  const made = await bakery.weft(['generate']);
  t.is(made.stderr, '');
  t.is(made.stdout, 'generated bakery.orders: @bakery/orders-contract\n');
  t.deepEqual(JSON.parse(bakery.read('contracts/orders/package.json')).dependencies, {
    '@bank/payments-contract': '^0.1.0',
    '@weft/policy': '^0.1.0',
  });

  bakery.install('@bakery/orders-contract', join(bakery.root, 'contracts/orders'));
  bakery.write(
    'main.ts',
    `import { create } from '@bufbuild/protobuf';
import { type Paid, PaidSchema, PaymentsService } from '@bank/payments-contract/v1';
import { ReceiptSchema } from '@bakery/orders-contract/v1';
const paid: Paid = create(PaidSchema, { money: { units: 3n } });
const units: bigint | undefined = create(ReceiptSchema, { paid }).paid?.money?.units;
console.log(PaymentsService.method.getPayments.name, units);
`,
  );
  const ran = await bakery.run(process.execPath, ['main.ts']);
  t.is(ran.stderr, '');
  t.is(ran.stdout, 'GetPayments 3n\n');
  const flags = ['--module', 'nodenext', '--strict', '--noEmit', '--allowImportingTsExtensions', '--target', 'es2024'];
  bakery.write(
    'wrong.ts',
    "import { PaidSchema } from '@bank/payments-contract/v1';\nexport const wrong: string = PaidSchema;\n",
  );
  const { stdout } = await bakery.run('tsc', [...flags, '--types', '', 'main.ts', 'wrong.ts']);
  const errors = stdout.split('\n').filter((line) => line.includes('error'));
  t.is(errors.length, 1, stdout);
  t.regex(errors[0] ?? '', /^wrong\.ts\(2,14\): error TS2322/);

  bakery.write('proto/bank/payments/v1/payments.proto', 'syntax = "proto3";\npackage bank.payments.v1;\n');
  const twice = await bakery.weft(['generate']);
  t.is(twice.code, 1);
  t.regex(
    twice.stderr,
    /^proto\/bank\/payments\/v1\/payments\.proto: is also in the installed @bank\/payments-contract 0\.1\.0; delete the file or remove the dependency$/m,
  );
});
