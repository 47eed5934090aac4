import type { MessageInitShape } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { GetStatusResponseSchema, type PlainTextSchema } from '@weft/api/weft/api/v1/mesh';
import test from 'ava';
import { renderFindings } from './finding.ts';
import { strictFindings } from './strict.ts';

const now = Date.UTC(2026, 0, 1);
const hourMs = 3_600_000;
const port = { namespace: 'bakery', workload: 'db-0', port: 5432, target: 'bakery/db:5432' };
const call = {
  namespace: 'bakery',
  target: 'bakery/db:5432',
  caller: '10.9.9.9',
  count: 12n,
  lastAt: timestampFromMs(now - 180_000),
  advice: 'give it a sidecar',
};

function said(plainText: MessageInitShape<typeof PlainTextSchema>, connected = true, countedMs = 48 * hourMs) {
  const status = create(GetStatusResponseSchema, {
    workloads: [
      { namespace: 'bakery', name: 'db-0', services: ['db'], ...(connected ? { proxy: {} } : {}) },
      { namespace: 'bakery', name: 'orders-0', services: ['orders'] },
    ],
    plainText: { countedSince: timestampFromMs(now - countedMs), ...plainText },
  });
  const found = strictFindings(status, 'bakery', now);
  return { safe: found.every(({ ok }) => ok), text: renderFindings(found, (_, text) => text) };
}

test('who called in plain text would break, and what to do about it', (t) => {
  const own = { ...call, caller: 'bakery.catalog', inMesh: true, count: 1n, advice: 'permit it' };
  t.deepEqual(said({ ports: [port], calls: [call, own] }), {
    safe: false,
    text: `ok  plain text is accepted at bakery/db:5432
BAD 10.9.9.9, which is not in the mesh, would be refused at bakery/db:5432: 12 calls in plain text, last 3 min ago; give it a sidecar
BAD bakery.catalog would be refused at bakery/db:5432: 1 calls in plain text, last 3 min ago; permit it
ok  calls have been counted for 2 d, since the control plane started`,
  });
});

test('nobody was seen: safe, as far as calls were counted', (t) => {
  const elsewhere = { ...call, namespace: 'other', target: 'other/db:5432' };
  t.deepEqual(said({ ports: [port], calls: [elsewhere] }), {
    safe: true,
    text: `ok  plain text is accepted at bakery/db:5432
ok  switching to strict breaks no caller seen so far: calls have been counted for 2 d, since the control plane started`,
  });
  t.regex(
    said({ ports: [port] }, true, hourMs).text,
    /counted for 60 min, .*; a caller that calls less often may be missing$/,
  );
});

test('a proxy that is not connected may have taken calls that nobody knows of', (t) => {
  const { safe, text } = said({ ports: [port] }, false);
  t.false(safe);
  t.regex(text, /BAD nothing is known about db-0: no proxy is connected$/);
});

test('a namespace that is strict already, and one that is not in the mesh', (t) => {
  t.deepEqual(said({ calls: [call] }), { safe: true, text: 'ok  bakery accepts only mTLS: db, orders' });
  const none = strictFindings(create(GetStatusResponseSchema), 'nowhere', now);
  t.deepEqual(none, [{ ok: false, text: 'namespace nowhere has no workload in the mesh' }]);
});
