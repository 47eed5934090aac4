import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

const order = () => ({
  idempotencyKey: randomUUID(),
  customerId: randomUUID(),
  items: [{ sku: 'WFT-0001', quantity: 1 }],
  currencyCode: 'EUR',
  cardNumber: '4242424242424242',
  wait: true,
});

/** Places orders at the edge until one is confirmed; its id. Rejects with the last answer after `timeoutMs`. */
export async function firstOrder(edge: string, timeoutMs: number): Promise<string> {
  const endMs = Date.now() + timeoutMs;
  for (;;) {
    let answer: string;
    try {
      const response = await fetch(`${edge}/v1/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(order()),
        signal: AbortSignal.timeout(20_000),
      });
      answer = `${response.status} ${await response.text()}`;
      const id = /"orderId":\s*"([^"]+)"/.exec(answer)?.[1];
      if (id && answer.includes('ORDER_STATUS_CONFIRMED')) return id;
    } catch (error) {
      answer = error instanceof Error ? `${error.message} ${error.cause ?? ''}` : String(error);
    }
    if (Date.now() > endMs) throw new Error(`no order went through at ${edge}; the last answer: ${answer}`);
    await delay(1000);
  }
}
