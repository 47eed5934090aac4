import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { WhyResponseSchema } from '@weft/api/weft/api/v1/mesh';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { descriptorSet } from '@weft/test-contracts';
import test from 'ava';
import { projectAt } from '../project.ts';
import { addProtoLines } from './proto-lines.ts';

/** The bakery, of which only payments was generated. */
const project = {
  ...projectAt(join(import.meta.dirname, '../../../test-contracts')),
  generatedDir: mkdtempSync(join(tmpdir(), 'weft-contracts-')),
};
test.after.always(() => rmSync(project.generatedDir, { recursive: true }));
const file = 'bakery/payments/v1/payments.proto';
const set = descriptorSet('bakery.payments');
const hash = contractHash(set);
const generated = join(project.generatedDir, 'payments');
mkdirSync(generated);
writeFileSync(join(generated, 'package.json'), JSON.stringify({ weft: { contract: 'bakery.payments' } }));
writeFileSync(join(generated, 'descriptor.binpb'), set);

const ofService = (contractHash: string) => ({
  contractHash,
  file,
  service: 'bakery.payments.v1.PaymentService',
  isOption: true,
});
const answer = (contract: string) =>
  create(WhyResponseSchema, {
    advice: `callers: ["bakery.orders", "bakery.catalog"] in option (weft.policy.v1.service) of bakery.payments.v1.PaymentService, ${file}`,
    adviceElement: ofService(contract),
    steps: [
      {
        name: 'route',
        summary: '/bakery.payments.v1.PaymentService/Authorize at bakery.payments',
        values: [
          {
            name: 'deadline',
            source: `(weft.policy.v1.service).defaults.deadline, ${file}`,
            element: ofService(contract),
          },
          { name: 'retry', source: 'default' },
          {
            name: 'idempotency key',
            source: `(weft.policy.v1.method).idempotency_key, ${file}`,
            element: { ...ofService(contract), method: 'Authorize' },
          },
        ],
      },
      {
        name: 'policy',
        values: [
          {
            name: 'contract',
            value: contract,
            source: `contracts/bakery/${contract}.binpb, ${file}`,
            element: { ...ofService(contract), method: 'Authorize', isOption: false },
          },
        ],
      },
    ],
  });

test('lines of the files that the running contract was made of', async (t) => {
  const lines = readFileSync(join(project.root, 'proto', file), 'utf8').split('\n');
  const line = (text: string, after = 0) =>
    lines.findIndex((found, index) => index >= after && found.includes(text)) + 1;
  const rpc = line('rpc Authorize');
  const service = line('option (weft.policy.v1.service)');
  const { advice, steps } = await addProtoLines(answer(hash), project);
  t.deepEqual(
    steps.flatMap(({ values }) => values.map(({ source }) => source)),
    [
      `(weft.policy.v1.service).defaults.deadline, ${file}:${service}`,
      'default',
      `(weft.policy.v1.method).idempotency_key, ${file}:${line('(weft.policy.v1.method)', rpc)}`,
      `contracts/bakery/${hash}.binpb, ${file}:${rpc}`,
    ],
  );
  t.true(advice.endsWith(`${file}:${service}`));
});

test('no lines of a contract that is not that of the files', async (t) => {
  const other = answer('0123456789abcdef');
  t.deepEqual(await addProtoLines(answer('0123456789abcdef'), project), other);
});
