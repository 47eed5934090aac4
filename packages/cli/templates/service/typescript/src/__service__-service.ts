{{#database}}
import { randomUUID } from 'node:crypto';
{{/database}}
import { __Service__Service } from '__contract_package__/v1';
{{#calls}}
import { __Callee_import__ } from '__callee_package__';
import { {{#json_request}}fromJson, {{/json_request}}toJsonString } from '@bufbuild/protobuf';
{{/calls}}
{{#database}}
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
{{/database}}
import { {{#calls}}type Client, {{/calls}}{{#database}}type Database, {{/database}}implement, type ServiceImplementation } from '@weft/service-kit';

{{#calls}}
/** The services that __service__ calls. */
export interface Callees {
  readonly __callee__: Pick<Client<typeof __Callee__>, '__callee_method__'>;
}

{{/calls}}
{{#database}}
interface ItemRow {
  readonly item_id: string;
  readonly name: string;
  readonly created_at: Date;
}

{{/database}}
/** __logical__.v1.__Service__Service{{#database}} on the items of `db`{{/database}}. */
export function __camel__Service({{#database}}db: Database{{/database}}{{#calls}}{{#database}}, {{/database}}callees: Callees{{/calls}}): ServiceImplementation {
  return implement(__Service__Service, {
{{#calls}}
    async describe() {
{{#open_request}}
      // __callee_method__ asks for more than an empty request; its contract says what.
{{/open_request}}
{{#json_request}}
      const request = fromJson(__Callee__.method.__callee_method__.input, __request_json__);
{{/json_request}}
      const answer = await callees.__callee__.__callee_method__(__request__);
      return { text: `__callee_logical__ answered ${toJsonString(__Callee__.method.__callee_method__.output, answer)}` };
    },
{{/calls}}
{{^calls}}
    describe() {
      return { text: '__service__ serves' };
    },
{{/calls}}
{{#database}}
    async addItem({ name }) {
      const { rows } = await db.query<ItemRow>('insert into items (item_id, name) values ($1, $2) returning *', [
        randomUUID(),
        name,
      ]);
      return { ...rows.map((row) => ({ item: itemOf(row) }))[0] };
    },
    async listItems() {
      const { rows } = await db.query<ItemRow>('select * from items order by created_at desc limit 50');
      return { items: rows.map(itemOf) };
    },
{{/database}}
  });
}
{{#database}}

function itemOf({ item_id, name, created_at }: ItemRow) {
  return { itemId: item_id, name, createdAt: timestampFromDate(created_at) };
}
{{/database}}
