import { randomBytes } from 'node:crypto';
import type { Paint } from '../terminal/style.ts';

/** What a person sees when the mesh is up: where it is, and what to try. */
export function welcome(port: number, paint: Paint): string {
  const edge = `localhost:${port}`;
  const order = (fields: { readonly wait?: boolean }) =>
    JSON.stringify({
      idempotencyKey: `try-${randomBytes(4).toString('hex')}`,
      customerId: '0192f0c1-5e8b-7c3a-9d21-4b6f0a7e1c55',
      items: [{ sku: 'WFT-0001', quantity: 1 }],
      currencyCode: 'EUR',
      cardNumber: '4242424242424242',
      ...fields,
    });
  const lines = [
    `${paint('bold', 'The mesh is up:')} gRPC, gRPC-Web, Connect and JSON on ${paint('bold', `http://${edge}`)}`,
    '',
    'Try:',
    `  grpcurl -plaintext ${edge} list`,
    `  grpcurl -plaintext -d '${order({ wait: true })}' ${edge} shop.orders.v1.OrderService/PlaceOrder`,
    `  curl ${edge}/v1/orders -H 'content-type: application/json' -d '${order({})}'`,
    '  npx weft status',
  ];
  return lines.join('\n');
}
