import { __Service__Service } from '__contract_package__/v1';
{{#calls}}
import { __Callee_import__ } from '__callee_package__';
{{/calls}}
import type { Client } from '@weft/service-kit';
import { {{#database}}startTestDatabase, type TestDatabase, {{/database}}testMesh } from '@weft/service-kit/testing';
import ava, { type TestFn } from 'ava';
import { __camel__Service } from './__service__-service.ts';

const test = ava as TestFn<{ __camel__: Client<typeof __Service__Service>{{#database}}; database: TestDatabase{{/database}} }>;

test.before(async (t) => {
{{#database}}
  const database = await startTestDatabase({ schema: '__schema__', migrations: new URL('../migrations/', import.meta.url) });
{{/database}}
  // Tests apply the policy of the contracts, too: who may call, and what a request must contain.
  const mesh = await testMesh();
{{#calls}}
  mesh.fake(__Callee__, { __callee_method__: () => ({}) });
  const callees = { __callee__: mesh.client(__Callee__, '__logical__') };
{{/calls}}
  mesh.serve(__camel__Service({{#database}}database.db{{#calls}}, {{/calls}}{{/database}}{{#calls}}callees{{/calls}}));
  t.context = { __camel__: mesh.client(__Service__Service, 'edge'){{#database}}, database{{/database}} };
});

{{#database}}
test.after.always(async (t) => {
  await t.context.database?.remove();
});

{{/database}}
{{#calls}}
{{^open_request}}
test('__service__ tells what it was told', async (t) => {
  t.is((await t.context.__camel__.describe({})).text, '__callee_logical__ answered {}');
});
{{/open_request}}
{{#open_request}}
test.todo('__service__ tells what it was told, once its request has what __callee_method__ asks for');
{{/open_request}}
{{/calls}}
{{^calls}}
test('__service__ describes itself', async (t) => {
  t.is((await t.context.__camel__.describe({})).text, '__service__ serves');
});
{{/calls}}
{{#database}}

test('an item that was added is listed', async (t) => {
  const { item } = await t.context.__camel__.addItem({ name: 'first' });
  const { items } = await t.context.__camel__.listItems({});
  t.deepEqual(items, item ? [item] : []);
  t.is(item?.name, 'first');
});
{{/database}}
