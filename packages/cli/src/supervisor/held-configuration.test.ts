import test from 'ava';
import { missingIn } from './held-configuration.ts';

/** As Envoy's admin interface writes them. */
function statistics(counts: Readonly<Record<string, readonly [success: number, rejected: number]>>): string {
  return Object.entries(counts)
    .flatMap(([name, [success, rejected]]) => [
      `${name}.update_rejected: ${rejected}`,
      `${name}.update_success: ${success}`,
    ])
    .join('\n');
}

const lds = 'listener_manager.lds';
const edge = 'http.gateway_edge.rds.gateway|edge';
const inbound = 'http.inbound_bakery_orders_2000.rds.inbound|bakery/orders|2000';

const cases: readonly (readonly [string, Parameters<typeof statistics>[0]])[] = [
  ['waits for its listeners', { [lds]: [0, 0] }],
  ['refuses its listeners', { [lds]: [0, 2] }],
  ['waits for its routes', { [lds]: [1, 0] }],
  ['waits for its routes gateway|edge', { [lds]: [1, 0], [edge]: [0, 0] }],
  ['refuses its routes gateway|edge', { [lds]: [1, 0], [edge]: [0, 1] }],
  // One that was refused later keeps what it has.
  ['', { [lds]: [1, 3], [edge]: [1, 1] }],
  ['refuses its routes inbound|bakery/orders|2000', { [lds]: [2, 0], [edge]: [1, 0], [inbound]: [0, 1] }],
  ['', { [lds]: [2, 0], [edge]: [1, 0], [inbound]: [1, 0] }],
  // A headless service of somebody else.
  ['', { [lds]: [1, 0], [edge]: [1, 0], 'http.direct.rds.direct|bbb/cache|80': [0, 1] }],
];

for (const [expected, counts] of cases) {
  test(`held-configuration: ${JSON.stringify(counts)}`, (t) => {
    t.is(missingIn(statistics(counts)), expected);
  });
}
