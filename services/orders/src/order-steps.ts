import type { CatalogService } from '@shop/catalog-contract/v1';
import type { InventoryService } from '@shop/inventory-contract/v1';
import type { Money } from '@shop/money-contract/v1';
import type { PaymentService } from '@shop/payments-contract/v1';
import type { Client, Database } from '@weft/service-kit';
import { advanceOrder, type Findings } from './advance-order.ts';
import type { Lease } from './lease-table.ts';
import { maxUnits, moneyOf, priceOf } from './money.ts';
import type { OrderFeed } from './order-feed.ts';
import { findOrder, type OrderRow, totalOf } from './order-record.ts';
import { afterFailure, afterSuccess, isBounded, type OrderStep, type Transition } from './order-state.ts';
import { cardNeeded, isFinal, Refusal, reasonFor } from './refusal.ts';
import type { Recorded, Workflow } from './runner.ts';

/** The services that an order's steps call. */
export interface Callees {
  readonly catalog: Client<typeof CatalogService>;
  readonly inventory: Client<typeof InventoryService>;
  readonly payments: Client<typeof PaymentService>;
}

/** When a step that keeps failing is given up: after so long, but not before so many tries. */
export interface GivingUp {
  readonly afterMs: number;
  readonly minTries: number;
}

/** What the steps need. */
export interface OrderStepsOptions {
  readonly db: Database;
  readonly feed: OrderFeed;
  readonly callees: Callees;
  readonly givingUp: GivingUp;
  readonly leaseMs: number;
}

/** How long each callee may take to answer: the deadlines of its contract. */
const deadlineMs = { catalog: 2_000, inventory: 3_000, payments: 5_000 };

/**
 * What is done for an order at each step. Every call is one that its callee recognizes when it is repeated, by a key made of
 * the order and the step or by the order alone, so a step may be done again whatever became of the last try.
 */
export class OrderSteps implements Workflow<OrderStep, Findings> {
  readonly #options: OrderStepsOptions;

  constructor(options: OrderStepsOptions) {
    this.#options = options;
  }

  async perform({ id: orderId, step }: Lease<OrderStep>, signal: AbortSignal): Promise<Findings> {
    const { inventory, payments } = this.#options.callees;
    const stock = { deadlineMs: deadlineMs.inventory, signal };
    const money = { deadlineMs: deadlineMs.payments, signal };
    switch (step) {
      case 'price':
        return { total: await this.#price(orderId, signal) };
      case 'reserve': {
        const { items } = await this.#order(orderId);
        await inventory.reserve({ idempotencyKey: `${orderId}/reserve`, orderId, items: [...items] }, stock);
        return {};
      }
      case 'authorize': {
        const order = await this.#order(orderId);
        const amount = totalOf(order);
        if (amount === undefined) throw new Error(`order ${orderId} has no price`);
        const cardToken = await this.#cardToken(orderId);
        await payments.authorize({ idempotencyKey: `${orderId}/authorize`, orderId, amount, cardToken }, money);
        return {};
      }
      case 'capture':
        await payments.capture({ orderId }, money);
        return {};
      case 'commit':
        await inventory.commit({ orderId }, stock);
        return {};
      case 'refund':
        await payments.refund({ orderId }, money);
        return {};
      case 'release':
        await inventory.release({ orderId }, stock);
        return {};
    }
  }

  async succeed(lease: Lease<OrderStep>, findings: Findings): Promise<Recorded<OrderStep>> {
    return await this.#advance(lease, afterSuccess(lease.step), findings);
  }

  async fail(lease: Lease<OrderStep>, error: unknown): Promise<Recorded<OrderStep>> {
    const transition = afterFailure(lease.step);
    // triesAgain has said so before.
    if (transition === undefined) throw error;
    return await this.#advance(lease, transition, { reason: reasonFor(error) });
  }

  triesAgain(lease: Lease<OrderStep>, error: unknown): boolean {
    if (afterFailure(lease.step) === undefined) return true;
    if (isFinal(error)) return false;
    const { afterMs, minTries } = this.#options.givingUp;
    const over = lease.attempt + 1 >= minTries && Date.now() - lease.sinceMs >= afterMs;
    return !(isBounded(lease.step) && over);
  }

  async #advance(lease: Lease<OrderStep>, transition: Transition, findings: Findings): Promise<Recorded<OrderStep>> {
    const { db, feed, leaseMs } = this.#options;
    const recorded = await advanceOrder(db, lease, transition, findings, leaseMs);
    if (recorded !== 'lease lost') feed.changed(lease.id);
    return recorded;
  }

  async #price(orderId: string, signal: AbortSignal): Promise<Money> {
    const { currency_code: currency, items } = await this.#order(orderId);
    const { products } = await this.#options.callees.catalog.batchGetProducts(
      { skus: items.map((item) => item.sku) },
      { deadlineMs: deadlineMs.catalog, signal },
    );
    const prices = new Map(products.map((product) => [product.sku, product.price]));
    let nanos = 0n;
    for (const { sku, quantity } of items) {
      const price = prices.get(sku);
      if (price === undefined) throw new Refusal(`We do not sell ${sku}.`);
      if (price.currencyCode !== currency) {
        throw new Refusal(`${sku} is sold in ${price.currencyCode}, and the order is to be paid in ${currency}.`);
      }
      nanos += priceOf(price, quantity);
    }
    if (nanos <= 0n) throw new Refusal('There is nothing to pay for.');
    const total = moneyOf(currency, nanos);
    if (total === undefined) throw new Refusal(`The order costs more than ${maxUnits} ${currency}.`);
    return total;
  }

  async #order(orderId: string): Promise<OrderRow> {
    const order = await findOrder(this.#options.db, orderId);
    if (order === undefined) throw new Error(`order ${orderId} is gone`);
    return order;
  }

  async #cardToken(orderId: string): Promise<string> {
    const { rows } = await this.#options.db.query<{ card_token: string | null }>(
      'select card_token from orders where order_id = $1',
      [orderId],
    );
    const cardToken = rows[0]?.card_token;
    // Another holder has recorded the bank's answer meanwhile, and this one's record will be refused; or the order is from
    // a time before there were tokens, and is undone.
    if (!cardToken) throw new Refusal(cardNeeded);
    return cardToken;
  }
}
