import { goodOrder } from '../shop.ts';
import { oddText, oddValue } from './odd-values.ts';
import type { Random } from './random.ts';

/** The body of a PlaceOrder in JSON, with a few parts that are odd; some of it is no JSON. */
export function oddJson(random: Random): string {
  const order: Record<string, unknown> = { ...goodOrder({ wait: false }) };
  for (let edits = random.int(1, 3); edits > 0; edits--) {
    const key = random.chance(0.8) ? random.pick(Object.keys(order)) : oddText(random);
    order[key] = random.chance(0.1) ? Array.from({ length: 20_000 }, () => ({})) : oddValue(random);
  }
  const text = JSON.stringify(order);
  switch (random.int(0, 5)) {
    case 0:
      return random.mutate(Buffer.from(text)).toString('latin1');
    case 1:
      // The same member twice, and numbers that a double does not hold.
      return `${text.slice(0, -1)},"customerId":"${JSON.stringify(oddText(random)).slice(1, -1)}","wait":9007199254740993}`;
    case 2:
      return '['.repeat(random.pick([10, 1_000, 100_000]));
    default:
      return text;
  }
}
