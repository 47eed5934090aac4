import { connect, type ServerHttp2Stream } from 'node:http2';
import { tinyContract, tinyPath } from '@weft/compiler/testing/tiny-contract';
import test from 'ava';
import { counter, runBakery } from './testing/running-bakery.ts';
import { until } from './testing/running-control-plane.ts';

/** As docs/decisions/sidecar-connections.md promises, less what else may be on its way. */
const unread = 30;

/** More than two sidecars hold back for one reader, so that its window is used up. */
const unreadBytes = 3 << 20;

/** Together more than half of the connection's window: a sidecar says only then that it has read as much. */
const answers = { count: 20, bytes: 1 << 20 } as const;

const path = (method: string) => tinyPath('bakery.leaf', method);
const chunk = Buffer.alloc(16 << 10);

/** Writes as fast as it is taken, since node:http2 refuses streams when too much waits. */
function answer(stream: ServerHttp2Stream, bytes: number): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  let left = bytes;
  const more = () => {
    while (!stream.destroyed && left > 0) {
      left -= chunk.length;
      if (!stream.write(chunk)) return;
    }
    stream.end();
  };
  stream.on('drain', more);
  more();
}

test('30 streams that nobody reads do not hold up the calls that share their connection', async (t) => {
  const bakery = await runBakery({
    front: tinyContract('bakery.front', { Call: {} }),
    leaf: tinyContract('bakery.leaf', { Call: {}, Watch: { kind: 'server' } }, { callers: ['bakery.front'] }),
  });
  t.teardown(() => bakery.stop());
  const { envoy, caller, outbound } = bakery.replica('front-0');
  bakery.replica('leaf-0').application.behaviour = (stream, headers) =>
    answer(stream, headers[':path'] === path('Watch') ? unreadBytes : answers.bytes);
  const session = connect(`http://${outbound}`);
  session.on('error', () => {});
  t.teardown(() => session.destroy());
  for (let count = 0; count < unread; count++) {
    const stream = session.request({
      ':method': 'POST',
      ':path': path('Watch'),
      ':authority': 'bakery.leaf',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', () => {});
    stream.end(Buffer.alloc(5));
  }
  const cluster = 'cluster.outbound|bakery/leaf';
  await until(async () => (await counter(envoy, `${cluster}.upstream_flow_control_paused_reading_total`)) >= unread);
  for (let call = 0; call < answers.count; call++) {
    const { grpcStatus, body } = await caller.call({ authority: 'bakery.leaf', path: path('Call') });
    t.is(grpcStatus, '0');
    t.is(body.length, answers.bytes);
  }
  t.is(await counter(envoy, `${cluster}.upstream_cx_total`), 1);
});
