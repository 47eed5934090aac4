import { OvenService } from '@__project__/oven-contract/v1';
import { Code, ConnectError } from '@connectrpc/connect';
import { client, serve } from '@weft/service-kit';
import test from 'ava';
import { ovenService } from './oven-service.ts';

test('rye gets a dark crust', async (t) => {
  const server = await serve({ services: [ovenService()], listen: '127.0.0.1:0', drainMs: 0 });
  t.teardown(() => server.close());
  const oven = client(OvenService, { outbound: server.address });
  const { crust, minutes } = await oven.bake({ flour: 'rye' });
  t.deepEqual([crust, minutes], ['dark and crisp', 55]);
});

test('a loaf without flour is refused, as the contract says', async (t) => {
  const server = await serve({ services: [ovenService()], listen: '127.0.0.1:0', drainMs: 0 });
  t.teardown(() => server.close());
  const oven = client(OvenService, { outbound: server.address });
  const error = await t.throwsAsync(oven.bake({ flour: '' }), { instanceOf: ConnectError });
  t.is(error.code, Code.InvalidArgument);
});
