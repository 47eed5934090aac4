import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { GetStatusResponseSchema } from '@weft/api/weft/api/v1/mesh';
import test from 'ava';
import { mergeStatus } from './merge-status.ts';

test('proxies are found at whichever replica they are, and refused calls are counted together', (t) => {
  const proxy = (connectedMs: number) => ({ spiffeId: `${connectedMs}`, connectedAt: timestampFromMs(connectedMs) });
  const answer = (orders?: number, catalog?: number, count = 1n) =>
    create(GetStatusResponseSchema, {
      workloads: [
        { namespace: 'bakery', name: 'orders-0', ...(orders === undefined ? {} : { proxy: proxy(orders) }) },
        { namespace: 'bakery', name: 'catalog-0', ...(catalog === undefined ? {} : { proxy: proxy(catalog) }) },
        { namespace: 'bakery', name: 'payments-0' },
      ],
      problems: [{ resource: 'a', message: 'b' }],
      denials: [{ caller: 'a', method: '/b', count }],
    });
  const merged = mergeStatus([answer(1000), answer(2000, 3000, 4n)]);
  t.deepEqual(
    merged.workloads.map((workload) => workload.proxy?.spiffeId),
    ['2000', '3000', undefined],
  );
  t.is(merged.problems.length, 1);
  t.is(merged.denials[0]?.count, 5n);
  t.is(mergeStatus([]).workloads.length, 0);
});
