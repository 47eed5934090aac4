import { create } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { GetStatusResponseSchema, Root_Phase, RootSchema } from '@weft/api/weft/api/v1/mesh';
import test from 'ava';
import { findings } from './check.ts';
import { renderFindings } from './finding.ts';
import { rootLine } from './render-root.ts';

const now = Date.UTC(2026, 0, 1);
const hourMs = 3_600_000;

function mesh(notAfterMs: number, rootLeftMs = 3650 * 24 * hourMs) {
  const proxy = {
    certificateNotAfter: timestampFromMs(notAfterMs),
    acknowledgements: [{ typeUrl: 'a/b', sentVersion: '1', ackedVersion: '1' }],
  };
  const later = { ...proxy, certificateNotAfter: timestampFromMs(notAfterMs + hourMs) };
  return create(GetStatusResponseSchema, {
    controlPlane: {
      certificateLifetime: durationFromMs(24 * hourMs),
      rootNotAfter: timestampFromMs(now + rootLeftMs),
      root: { phase: Root_Phase.STEADY, fingerprint: 'ab' },
    },
    workloads: [
      { namespace: 'bakery', name: 'orders-0', ready: true, proxy: later },
      { namespace: 'bakery', name: 'catalog-0', ready: true, proxy },
    ],
  });
}

test('says how long calls go on without the control plane', (t) => {
  t.is(
    renderFindings(findings(mesh(now + 13 * hourMs), now), (_, text) => text),
    `ok  all 2 connected proxies have accepted their configuration
ok  no problems
ok  without the control plane, calls keep working for 13 h (the certificate of bakery/catalog-0 expires first; at least 12 h at any time while it runs)
ok  root ab; no rotation is in progress
ok  the root expires in 3650 d`,
  );
});

test('an ended certificate, a root that ends soon, a proxy that is behind and problems are bad', (t) => {
  const ill = mesh(now - hourMs, hourMs);
  ill.workloads[0]?.proxy?.acknowledgements.splice(0);
  ill.problems.push(...create(GetStatusResponseSchema, { problems: [{ resource: 'a', message: 'b' }] }).problems);
  t.deepEqual(
    findings(ill, now).map(({ ok }) => ok),
    [false, false, false, true, false],
  );
});

test('the phases of a rotation in words', (t) => {
  const root = {
    fingerprint: 'old',
    nextFingerprint: 'new',
    since: timestampFromMs(now - 4000),
    waitingFor: ['a/b', 'a/c'],
  };
  const of = (more: object) => rootLine(create(RootSchema, { ...root, ...more }), now);
  t.is(
    of({ phase: Root_Phase.SPREADING }),
    'root old is being replaced: new is also trusted for 4.0 s; waiting for a/b and 1 more',
  );
  t.regex(of({ phase: Root_Phase.SPREADING, waitingFor: [] }), /every connected proxy has it/);
  t.is(
    of({ phase: Root_Phase.SIGNING, removesAt: timestampFromMs(now + 20 * hourMs) }),
    'root new signs; the previous one is trusted until its last certificate expires, in 20 h',
  );
});
