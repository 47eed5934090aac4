import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  DeltaDiscoveryRequestSchema as Q,
  DeltaDiscoveryResponseSchema as R,
} from '@weft/envoy-api/envoy/service/discovery/v3/discovery';
import { createDelivery } from '/work/main/services/control-plane/src/xds/delivery.ts';
import { typeUrls } from '/work/main/services/control-plane/src/xds/resource.ts';
import {
  cluster,
  endpoints,
  listener,
  resource,
  route,
  snapshotOf,
} from '/work/main/services/control-plane/src/xds/testing/resources.ts';

const N = 1000,
  S = 200;
const names = Array.from({ length: S }, (_, i) => `outbound|shop/s${i}`);
let base = [
  ...names.map((n) => cluster(n)),
  ...names.map((n) => resource(typeUrls.endpoints, n, 'x'.repeat(2000))),
  listener('in'),
  route('in'),
];
let snap = snapshotOf(base);
let listenerFn: any;
const delivery = createDelivery({
  snapshots: {
    get: () => snap,
    onChange: (l) => {
      listenerFn = l;
      return () => {};
    },
  },
});
const clients: any[] = [];
let bytes = 0;
const t0 = performance.now();
for (let i = 0; i < N; i++) {
  const got: Uint8Array[] = [];
  const c: any = { got };
  c.stream = delivery.open(`shop/p${i}`, 'delta', {
    write: (b) => {
      got.push(b);
      bytes += b.length;
      return true;
    },
    end() {},
  });
  c.ask = (f: any) => c.stream.receive(toBinary(Q, create(Q, { node: { id: `shop/p${i}` }, ...f })));
  c.ack = () => {
    for (const b of got.splice(0)) {
      const r = fromBinary(R, b.subarray(5));
      c.ask({ typeUrl: r.typeUrl, responseNonce: r.nonce });
    }
  };
  c.ask({ typeUrl: typeUrls.cluster });
  c.ask({ typeUrl: typeUrls.endpoints, resourceNamesSubscribe: names });
  clients.push(c);
}
console.log('connect', (performance.now() - t0).toFixed(0), 'ms', (bytes / 1e6).toFixed(0), 'MB');
for (const c of clients) c.ack();
for (const c of clients) {
  c.ask({ typeUrl: typeUrls.listener });
  c.ask({ typeUrl: typeUrls.route, resourceNamesSubscribe: ['in'] });
  c.ack();
}
global.gc?.();
console.log(
  'heap',
  (process.memoryUsage().heapUsed / 1e6).toFixed(0),
  'MB',
  'rss',
  (process.memoryUsage().rss / 1e6).toFixed(0),
);
for (let round = 0; round < 150; round++) {
  base = base.map((r) =>
    r.typeUrl === typeUrls.endpoints && r.name === names[7]
      ? resource(typeUrls.endpoints, r.name, String(round) + 'x'.repeat(2000))
      : r,
  );
  snap = snapshotOf(base, snap);
  const t = performance.now();
  listenerFn({ proxies: 'all', endpointsOnly: true });
  const pushed = performance.now() - t;
  const t2 = performance.now();
  for (const c of clients) {
    const r = fromBinary(R, c.got[0].subarray(5));
    c.m = toBinary(Q, create(Q, { typeUrl: r.typeUrl, responseNonce: r.nonce }));
    c.got.length = 0;
  }
  const t3 = performance.now();
  for (const c of clients) c.stream.receive(c.m);
  if (round > 140) console.log('push', pushed.toFixed(1), 'acks', (performance.now() - t3).toFixed(1));
}
