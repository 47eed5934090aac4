import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { ConnectError } from '@connectrpc/connect';
import { goodOrder, type Shop, shopAt } from '../shop.ts';

/** A load under way. */
export interface Load {
  /** Calls that have ended, good or bad. */
  readonly calls: number;
  /** Waits until `calls` calls in all have ended. */
  reached(calls: number): Promise<void>;
  /** Starts no more calls, waits for those under way. */
  stop(): Promise<LoadResult>;
}

/** What a load saw. */
export interface LoadResult {
  readonly calls: number;
  /** One line a failed call: when, what, and what was said. */
  readonly failures: readonly string[];
  readonly slowestMs: number;
}

/** What a load is made of. */
export interface LoadOptions {
  /** Each has a connection of its own and one call at a time. Default: 8. */
  readonly callers?: number;
  /** Between two calls of one caller. Default: 20 ms; a two-core machine has a cluster to run beside it. */
  readonly pauseMs?: number;
  /** One call. Default: reads of catalog, inventory and orders, and one order of fifty calls. */
  readonly call?: (shop: Shop, turn: number) => Promise<unknown>;
}

async function mixedCall(shop: Shop, turn: number): Promise<unknown> {
  const sku = `WFT-${String((turn % 500) + 1).padStart(4, '0')}`;
  if (turn % 50 === 0) return shop.orders.placeOrder(goodOrder());
  if (turn % 5 === 1) return shop.inventory.getStock({ sku });
  if (turn % 5 === 2) return shop.orders.listOrders({ customerId: randomUUID() });
  return shop.catalog.getProduct({ sku });
}

/** Calls the shop at an edge without pause until it is stopped. A call is never repeated: each failure counts. */
export function startLoad(edge: string, options: LoadOptions = {}): Load {
  const { callers = 8, pauseMs = 20, call = mixedCall } = options;
  const beganMs = Date.now();
  const failures: string[] = [];
  let calls = 0;
  let slowestMs = 0;
  let stopped = false;
  let turn = 0;
  const caller = async () => {
    const shop = shopAt(edge);
    while (!stopped) {
      const mine = turn++;
      const startMs = Date.now();
      try {
        await call(shop, mine);
      } catch (error) {
        const said = ConnectError.from(error);
        failures.push(`at ${((startMs - beganMs) / 1000).toFixed(1)} s, call ${mine}: ${said.message}`);
      }
      calls++;
      slowestMs = Math.max(slowestMs, Date.now() - startMs);
      await delay(pauseMs);
    }
  };
  const running = Promise.all(Array.from({ length: callers }, caller));
  return {
    get calls() {
      return calls;
    },
    async reached(wanted) {
      while (calls < wanted && !stopped) await delay(100);
    },
    async stop() {
      stopped = true;
      await running;
      return { calls, failures, slowestMs };
    },
  };
}
