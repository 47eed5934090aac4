import { BreadService } from '@__project__/bread-contract/v1';
import { OvenService } from '@__project__/oven-contract/v1';
import { randomUUID } from 'node:crypto';
import { Code, ConnectError } from '@connectrpc/connect';
import { client, implement, type Server, serve } from '@weft/service-kit';
import { startTestDatabase, type TestDatabase } from '@weft/service-kit/testing';
import ava, { type TestFn } from 'ava';
import { breadService } from './bread-service.ts';

const test = ava as TestFn<{ database: TestDatabase; servers: Server[]; bread: ReturnType<typeof breadAt> }>;

function breadAt(server: Server) {
  return client(BreadService, { outbound: server.address });
}

// A real PostgreSQL, and an oven that is not the real one.
test.before(async (t) => {
  const database = await startTestDatabase({ schema: 'bread', migrations: new URL('../migrations/', import.meta.url) });
  const oven = await serve({
    services: [implement(OvenService, { bake: ({ flour }) => ({ crust: `crust of ${flour}`, minutes: 1 }) })],
    listen: '127.0.0.1:0',
    drainMs: 0,
  });
  const callees = { oven: client(OvenService, { outbound: oven.address }) };
  const bread = await serve({ services: [breadService(database.db, callees)], listen: '127.0.0.1:0', drainMs: 0 });
  t.context = { database, servers: [bread, oven], bread: breadAt(bread) };
});

test.after.always(async (t) => {
  for (const server of t.context.servers ?? []) await server.close();
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
