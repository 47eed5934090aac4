import { OvenService } from '@__project__/oven-contract/v1';
import { Code, ConnectError } from '@connectrpc/connect';
import { testMesh } from '@weft/service-kit/testing';
import test from 'ava';
import { ovenService } from './oven-service.ts';

// Tests apply the policy of the contract, too: who may call, and what a request must contain.
async function ovenFor(caller: string) {
  const mesh = await testMesh();
  mesh.serve(ovenService());
  return mesh.client(OvenService, caller);
}

test('rye gets a dark crust', async (t) => {
  const oven = await ovenFor('__package__.bread');
  const { crust, minutes } = await oven.bake({ flour: 'rye' });
  t.deepEqual([crust, minutes], ['dark and crisp', 55]);
});

test('a loaf without flour is refused', async (t) => {
  const oven = await ovenFor('__package__.bread');
  const error = await t.throwsAsync(oven.bake({ flour: '' }), { instanceOf: ConnectError });
  t.is(error.code, Code.InvalidArgument);
});

test('only bread may bake', async (t) => {
  const oven = await ovenFor('__package__.cafe');
  const error = await t.throwsAsync(oven.bake({ flour: 'rye' }), { instanceOf: ConnectError });
  t.is(error.code, Code.PermissionDenied);
});
