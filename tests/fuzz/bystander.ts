import { ConnectError } from '@connectrpc/connect';
import { goodOrder, shopAt } from '../shop.ts';

/** Somebody who goes on using the shop while others misbehave. */
export interface Bystander {
  /** Calls that were answered so far. */
  readonly answered: number;
  /** What went wrong, each with what others did at the time. */
  readonly failures: readonly string[];
  /** What others do now. */
  during: string;
  /** Ends after the call under way. */
  stop(): Promise<void>;
}

/** Reads a product and places an order, one call after the other, until it is stopped. */
export function startBystander(edge: string): Bystander {
  const { catalog, orders } = shopAt(edge);
  const failures: string[] = [];
  const bystander = { answered: 0, failures, during: 'nothing', stop };
  let stopped = false;
  const running = run();
  return bystander;

  async function run(): Promise<void> {
    while (!stopped) {
      await attempt('GetProduct', () => catalog.getProduct({ sku: 'WFT-0001' }));
      await attempt('PlaceOrder', () => orders.placeOrder(goodOrder({ wait: false })));
    }
  }

  async function attempt(what: string, call: () => Promise<unknown>): Promise<void> {
    const { during } = bystander;
    try {
      await call();
      bystander.answered += 1;
    } catch (error) {
      failures.push(`${what} during ${during}: ${ConnectError.from(error).message}`);
    }
  }

  async function stop(): Promise<void> {
    stopped = true;
    await running;
  }
}
