import { BreadService } from '@__project__/bread-contract/v1';
import { OvenService } from '@__project__/oven-contract/v1';
import { randomUUID } from 'node:crypto';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Client } from '@weft/service-kit';
import { startTestDatabase, type TestDatabase, testMesh } from '@weft/service-kit/testing';
import ava, { type TestFn } from 'ava';
import { breadService } from './bread-service.ts';

const test = ava as TestFn<{ database: TestDatabase; bread: Client<typeof BreadService> }>;

// A real PostgreSQL and a fake oven.
test.before(async (t) => {
  const database = await startTestDatabase({ schema: 'bread', migrations: new URL('../migrations/', import.meta.url) });
  const mesh = await testMesh();
  mesh.fake(OvenService, { bake: ({ flour }) => ({ crust: `crust of ${flour}`, minutes: 1 }) });
  mesh.serve(breadService(database.db, { oven: mesh.client(OvenService, '__package__.bread') }));
  t.context = { database, bread: mesh.client(BreadService, 'edge') };
});

test.after.always(async (t) => {
  await t.context.database?.remove();
});

test('a loaf that was baked is on the shelf', async (t) => {
  const { bread } = t.context;
  const { loaf } = await bread.bakeLoaf({ flour: 'rye' });
  t.is(loaf?.crust, 'crust of rye');
  t.deepEqual((await bread.getLoaf({ loafId: loaf?.loafId ?? '' })).loaf, loaf);
  t.true((await bread.listLoaves({})).loaves.some(({ loafId }) => loafId === loaf?.loafId));
});

test('an unknown loaf is NOT_FOUND', async (t) => {
  const error = await t.throwsAsync(t.context.bread.getLoaf({ loafId: randomUUID() }), { instanceOf: ConnectError });
  t.is(error.code, Code.NotFound);
});
