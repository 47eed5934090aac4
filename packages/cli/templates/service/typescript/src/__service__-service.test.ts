import { __Service__Service } from '__contract_package__/v1';
{{#calls}}
import { __Callee_import__ } from '__callee_package__';
import { create } from '@bufbuild/protobuf';
{{/calls}}
import { client, type Server, serve } from '@weft/service-kit';
{{#database}}
import { startTestDatabase, type TestDatabase } from '@weft/service-kit/testing';
{{/database}}
import ava, { type TestFn } from 'ava';
import { __camel__Service } from './__service__-service.ts';

const test = ava as TestFn<{ server: Server; __camel__: ReturnType<typeof connect>{{#database}}; database: TestDatabase{{/database}} }>;

function connect(server: Server) {
  return client(__Service__Service, { outbound: server.address });
}

test.before(async (t) => {
{{#database}}
  const database = await startTestDatabase({ schema: '__schema__', migrations: new URL('../migrations/', import.meta.url) });
{{/database}}
{{#calls}}
  // Not the real one: a test says what it answers.
  const callees = { __callee__: { __callee_method__: async () => create(__Callee__.method.__callee_method__.output) } };
{{/calls}}
  const server = await serve({
    services: [__camel__Service({{#database}}database.db{{#calls}}, {{/calls}}{{/database}}{{#calls}}callees{{/calls}})],
    listen: '127.0.0.1:0',
    drainMs: 0,
  });
  t.context = { server, __camel__: connect(server){{#database}}, database{{/database}} };
});

test.after.always(async (t) => {
  await t.context.server?.close();
{{#database}}
  await t.context.database?.remove();
{{/database}}
});

test('__service__ describes itself', async (t) => {
  const { text } = await t.context.__camel__.describe({});
{{#calls}}
  t.is(text, '__callee_logical__ answered {}');
{{/calls}}
{{^calls}}
  t.is(text, '__service__ serves');
{{/calls}}
});
{{#database}}

test('an item that was added is listed', async (t) => {
  const { item } = await t.context.__camel__.addItem({ name: 'first' });
  const { items } = await t.context.__camel__.listItems({});
  t.deepEqual(items, item ? [item] : []);
  t.is(item?.name, 'first');
});
{{/database}}
