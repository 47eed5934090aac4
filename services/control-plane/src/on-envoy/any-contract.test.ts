import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { typeUrls } from '@weft/compiler/envoy/resource';
import { arbitraryContract } from '@weft/compiler/testing/arbitrary-contract';
import { descriptorSet, MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import test from 'ava';
import fc from 'fast-check';
import { freePorts } from './testing/free-ports.ts';
import { runMesh } from './testing/running-mesh.ts';

// No contract that passes the front end may be refused by an Envoy: a refusal would keep everything else from arriving.
test('whatever contract is in order, Envoys take: the service, a caller and the edge', async (t) => {
  t.timeout(120_000);
  const mesh = await runMesh();
  t.teardown(() => mesh.stop());
  const [randomIn, randomOut, ordersIn, ordersOut, edge] = await freePorts(5);
  const orders = descriptorSet('bakery.orders');
  const directory = (contracts: readonly Uint8Array[]) => {
    const files = new MeshDirectory()
      .contract('bakery', 'bakery.orders', orders)
      .service('orders')
      .service('random')
      .edge(`127.0.0.1:${edge}`)
      .replica('orders-0', {
        contract: contractHash(orders),
        inbound: `127.0.0.1:${ordersIn}`,
        application: 'unix:/run/orders',
        outbound: `127.0.0.1:${ordersOut}`,
      });
    contracts.forEach((set, index) => {
      files.contract('bakery', `random-${index}`, set).replica(`random-${index}`, {
        contract: contractHash(set),
        inbound: `127.0.0.1:${index === 0 ? randomIn : 9}`,
        application: 'unix:/run/random',
        outbound: `127.0.0.1:${index === 0 ? randomOut : 9}`,
      });
    });
    return files;
  };
  const fail = (why: string) => {
    t.log(why);
    return false;
  };
  let started = false;
  let routes = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(arbitraryContract, { minLength: 1, maxLength: 2 }), async (contracts) => {
      const next = directory(contracts);
      await mesh.update(next);
      for (const problem of mesh.compiler.mesh.problems) return fail(JSON.stringify(problem));
      if (!started) {
        for (const id of ['bakery/random-0', 'bakery/orders-0', 'weft/edge-0'] as const) await mesh.startProxy(id);
        started = true;
      }
      routes += mesh.compiler.snapshot('weft/edge-0')?.get(typeUrls.route)?.size ?? 0;
      const [refusal] = mesh.nacks;
      return refusal ? fail(`${refusal.workload}: ${refusal.names.join()}: ${refusal.message}`) : true;
    }),
    { numRuns: 40, endOnFailure: true },
  );
  t.true(routes > 0);
});
