import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { GetStatusResponseSchema, OverrideState } from '@weft/api/weft/api/v1/mesh';
import test from 'ava';
import { renderStatus } from './render-status.ts';

const now = Date.UTC(2026, 0, 1);
const plain = (_style: string, text: string): string => text;

test('shows services, proxies, and below them all that is wrong', (t) => {
  const mesh = create(GetStatusResponseSchema, {
    services: [
      {
        namespace: 'bakery',
        name: 'orders',
        logicalName: 'bakery.orders',
        readyReplicas: 1,
        replicas: 2,
        contractHashes: ['ab'],
      },
    ],
    workloads: [
      {
        namespace: 'bakery',
        name: 'orders-0',
        ready: true,
        address: '127.0.0.1:20001',
        proxy: {
          envoyVersion: '1.40.0',
          certificateNotAfter: timestampFromMs(now + 23.5 * 3_600_000),
          acknowledgements: [
            {
              typeUrl: 'a/envoy.config.cluster.v3.Cluster',
              sentVersion: '1',
              ackedVersion: '1',
              ackedAt: timestampFromMs(now - 5_000),
            },
            {
              typeUrl: 'a/envoy.config.listener.v3.Listener',
              sentVersion: '2',
              ackedVersion: '1',
              nack: 'no such filter',
              nackSource: 'mesh/x.yaml',
            },
          ],
        },
      },
      { namespace: 'bakery', name: 'orders-1', ready: false, reason: 'it starts' },
    ],
    problems: [{ resource: 'user/bad.yaml', field: 'spec', message: 'no ports', advice: 'at least one port' }],
    denials: [
      { count: 3n, lastAt: timestampFromMs(now - 60_000), message: 'weft: a may not call b' },
      { count: 1n, lastAt: timestampFromMs(now - 60_000), message: 'weft: c may not call b' },
    ],
  });
  t.is(
    renderStatus({ mesh, supervisor: undefined, now }, plain),
    `SERVICE        CONTRACT       READY  VERSIONS
bakery/orders  bakery.orders  1/2    ab

REPLICA          STATE      ADDRESS          ENVOY   CERTIFICATE ENDS  CONFIGURATION  SINCE
bakery/orders-0  ready      127.0.0.1:20001  1.40.0  in 24 h           NACK           5.0 s
bakery/orders-1  not ready  -                -       -                 not connected  -      it starts

Rejected by Envoy
  bakery/orders-0 Listener: no such filter (from mesh/x.yaml)

Problems (the last good configuration stays in use)
  user/bad.yaml spec: no ports; expected: at least one port

Refused calls
  3 times, last 60 s ago: weft: a may not call b
  once, 60 s ago: weft: c may not call b`,
  );
});

test('an override that has ended is shown no more', (t) => {
  const override = (name: string, state: OverrideState) => ({ namespace: 'bakery', name, service: 'bread', state });
  const mesh = create(GetStatusResponseSchema, {
    overrides: [override('ended', OverrideState.ENDED), override('refused', OverrideState.REFUSED)],
  });
  const shown = renderStatus({ mesh, supervisor: undefined, now }, plain);
  t.regex(shown, /Overrides\n {2}bakery\/refused: .* has no effect$/m);
  t.notRegex(shown, /ended/);
});
