import { create, createFileRegistry, type DescMessage, fromJson } from '@bufbuild/protobuf';
import { AnySchema, anyPack, FileDescriptorSetSchema, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { MoneySchema } from '@weft/test-contracts/bakery/money/v1/money';
import {
  OrderSchema,
  OrderStatus,
  PlaceOrderRequestSchema,
  PlaceOrderResponseSchema,
} from '@weft/test-contracts/bakery/orders/v1/orders';
import { AuthorizeRequestSchema } from '@weft/test-contracts/bakery/payments/v1/payments';
import test from 'ava';
import { redact } from './redact.ts';

test('sensitive fields are left out, all else is kept under its own name', (t) => {
  const request = create(PlaceOrderRequestSchema, {
    idempotencyKey: 'k',
    items: [{ sku: 'ABC-1234', quantity: 2 }],
    cardNumber: '4111111111111111',
    wait: true,
  });
  t.deepEqual(redact(PlaceOrderRequestSchema, request), {
    idempotency_key: 'k',
    items: [{ sku: 'ABC-1234', quantity: 2 }],
    wait: true,
  });
});

test('enums have names, int64 are text, times are as in JSON', (t) => {
  const order = create(OrderSchema, {
    status: OrderStatus.PENDING,
    total: create(MoneySchema, { currencyCode: 'EUR', units: 9007199254740993n }),
    createdAt: timestampFromMs(0),
  });
  t.deepEqual(redact(PlaceOrderResponseSchema, create(PlaceOrderResponseSchema, { order })), {
    order: {
      status: 'ORDER_STATUS_PENDING',
      total: { currency_code: 'EUR', units: '9007199254740993' },
      created_at: '1970-01-01T00:00:00Z',
    },
  });
});

test('of what is packed in an Any only the type is told', (t) => {
  const packed = anyPack(AuthorizeRequestSchema, create(AuthorizeRequestSchema, { cardToken: '4111111111111111' }));
  t.deepEqual(redact(AnySchema, packed), {
    type_url: 'type.googleapis.com/bakery.payments.v1.AuthorizeRequest',
  });
});

test('sensitive fields are left out of lists, maps, oneofs and a message within itself', (t) => {
  const file = fromJson(FileDescriptorSetSchema, {
    file: [
      {
        name: 'tree.proto',
        syntax: 'proto3',
        messageType: [
          {
            name: 'Tree',
            field: [
              { name: 'name', number: 1, type: 'TYPE_STRING', label: 'LABEL_OPTIONAL' },
              // (weft.policy.v1.field) = {sensitive: true}, as the compiler leaves it: field 50717, bytes 08 01.
              { name: 'secret', number: 2, type: 'TYPE_STRING', label: 'LABEL_OPTIONAL' },
              { name: 'children', number: 3, type: 'TYPE_MESSAGE', typeName: '.Tree', label: 'LABEL_REPEATED' },
              {
                name: 'by_name',
                jsonName: 'byName',
                number: 4,
                type: 'TYPE_MESSAGE',
                typeName: '.Tree.ByName',
                label: 'LABEL_REPEATED',
              },
              {
                name: 'only',
                number: 5,
                type: 'TYPE_MESSAGE',
                typeName: '.Tree',
                label: 'LABEL_OPTIONAL',
                oneofIndex: 0,
              },
              { name: 'blob', number: 6, type: 'TYPE_BYTES', label: 'LABEL_OPTIONAL' },
            ],
            nestedType: [
              {
                name: 'ByName',
                options: { mapEntry: true },
                field: [
                  { name: 'key', number: 1, type: 'TYPE_STRING', label: 'LABEL_OPTIONAL' },
                  { name: 'value', number: 2, type: 'TYPE_MESSAGE', typeName: '.Tree', label: 'LABEL_OPTIONAL' },
                ],
              },
            ],
            oneofDecl: [{ name: 'choice' }],
          },
        ],
      },
    ],
  });
  const secret = file.file[0]?.messageType[0]?.field[1];
  if (!secret) return t.fail();
  secret.options = {
    $typeName: 'google.protobuf.FieldOptions',
    $unknown: [{ no: 50717, wireType: 2, data: new Uint8Array([2, 8, 1]) }],
  } as NonNullable<typeof secret.options>;
  const Tree = createFileRegistry(file).getMessage('Tree') as DescMessage;
  const leaf = { name: 'leaf', secret: 's3cret' };
  const tree = fromJson(Tree, { ...leaf, children: [leaf], byName: { a: leaf }, only: leaf, blob: 'AAEC' });
  t.deepEqual(redact(Tree, tree), {
    name: 'leaf',
    children: [{ name: 'leaf' }],
    by_name: { a: { name: 'leaf' } },
    only: { name: 'leaf' },
    blob: '3 bytes',
  });
});

test('large messages are cut', (t) => {
  const items = Array.from({ length: 30_000 }, () => ({ sku: 'S'.repeat(5_000), quantity: 1 }));
  const text = JSON.stringify(redact(PlaceOrderRequestSchema, create(PlaceOrderRequestSchema, { items })));
  t.true(text.length < 1_200_000);
  t.regex(text, /S{1024}\.\.\. \(5000 characters\)/);
});
