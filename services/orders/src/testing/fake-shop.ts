import { Code } from '@connectrpc/connect';
import { CatalogService } from '@shop/catalog-contract/v1';
import { InventoryService, ReservationStatus } from '@shop/inventory-contract/v1';
import { PaymentService, PaymentStatus } from '@shop/payments-contract/v1';
import { ErrorInfoSchema } from '@weft/policy/google/rpc/error_details';
import { client, implement, repeatable, ServiceError, serve } from '@weft/service-kit';
import type { OrderStep } from '../order-state.ts';
import type { Callees } from '../order-steps.ts';

/** What happened for one order. */
export interface Effects {
  reservation?: 'held' | 'released' | 'committed';
  payment?: 'authorized' | 'captured' | 'refunded';
  /** How often an amount was set aside or stock was taken: once, however often it was asked for. */
  reserved: number;
  authorized: number;
  /** The idempotency keys that came. */
  keys: Set<string>;
  /** Each call, as the step that it belongs to. */
  calls: OrderStep[];
}

/** Catalog, inventory and payments as orders sees them: the real contracts, served on one port, kept in memory. */
export interface FakeShop {
  /** Where they listen: one address for all, as a sidecar is. */
  readonly address: string;
  readonly callees: Callees;
  effectsOf(orderId: string): Effects;
  /** Called when a step's effect has happened, before it is answered. May throw, or wait, in place of the answer. */
  afterEffect: (step: OrderStep, orderId: string) => Promise<void>;
  close(): Promise<void>;
}

/** Approved. */
export const goodCard = '4242424242424242';
/** Declined for insufficient funds. */
export const poorCard = '4000000000009995';
/** Authorized, but never captured. */
export const uncapturedCard = '4000000000000341';
/** Of which nobody has any. */
export const soldOut = 'WFT-0500';

/** Starts the fakes. SKUs from WFT-0001 to WFT-0520 are sold for 1.50 EUR, those from WFT-0521 to WFT-0600 in USD. */
export async function startFakeShop(): Promise<FakeShop> {
  const orders = new Map<string, Effects>();
  const cards = new Map<string, string>();
  /** The numbers of cards, by the number in their tokens. */
  const tokens: string[] = [];
  const effectsOf = (orderId: string): Effects => {
    const effects = orders.get(orderId) ?? { reserved: 0, authorized: 0, keys: new Set(), calls: [] };
    orders.set(orderId, effects);
    return effects;
  };
  const shop = { effectsOf, afterEffect: async () => {} } as Pick<FakeShop, 'effectsOf' | 'afterEffect'>;

  const catalog = implement(CatalogService, {
    getProduct: unused,
    listProducts: unused,
    searchProducts: unused,
    importProducts: unused,
    async batchGetProducts({ skus }) {
      const unknown = skus.filter((sku) => !/^WFT-0[0-6]\d\d$/.test(sku));
      if (unknown.length > 0) throw refusal(Code.NotFound, 'PRODUCT_NOT_FOUND', { skus: unknown.join(',') });
      // The catalog does not know which order it is asked for.
      await shop.afterEffect('price', '');
      return {
        products: skus.map((sku) => ({
          sku,
          price: { currencyCode: sku > 'WFT-0520' ? 'USD' : 'EUR', units: 1n, nanos: 500_000_000 },
        })),
      };
    },
  });

  const inventory = implement(InventoryService, {
    getStock: unused,
    reserve: repeatable(async ({ orderId, idempotencyKey, items }) => {
      const effects = called('reserve', orderId, idempotencyKey);
      if (effects.reservation === 'released') throw refusal(Code.FailedPrecondition, 'RESERVATION_RELEASED');
      if (items.some(({ sku }) => sku === soldOut)) {
        throw refusal(Code.FailedPrecondition, 'OUT_OF_STOCK', { [soldOut]: `${items[0]?.quantity}/0` });
      }
      if (effects.reservation === undefined) {
        effects.reservation = 'held';
        effects.reserved += 1;
      }
      await shop.afterEffect('reserve', orderId);
      return { reservationId: orderId };
    }),
    async release({ orderId }) {
      const effects = called('release', orderId);
      if (effects.reservation === 'committed') throw refusal(Code.FailedPrecondition, 'RESERVATION_COMMITTED');
      effects.reservation = 'released';
      await shop.afterEffect('release', orderId);
      return { status: ReservationStatus.RELEASED };
    },
    async commit({ orderId }) {
      const effects = called('commit', orderId);
      if (effects.reservation === 'released') throw refusal(Code.FailedPrecondition, 'RESERVATION_RELEASED');
      effects.reservation = 'committed';
      await shop.afterEffect('commit', orderId);
      return { status: ReservationStatus.COMMITTED };
    },
  });

  const payments = implement(PaymentService, {
    async tokenizeCard({ cardNumber }) {
      return { cardToken: `token-${tokens.push(cardNumber) - 1}` };
    },
    authorize: repeatable(async ({ orderId, idempotencyKey, cardToken }) => {
      const cardNumber = tokens[Number(cardToken.slice('token-'.length))] ?? '';
      const effects = called('authorize', orderId, idempotencyKey);
      if (effects.payment === 'refunded') throw refusal(Code.FailedPrecondition, 'PAYMENT_REFUNDED');
      if (cardNumber === poorCard) {
        throw refusal(Code.FailedPrecondition, 'CARD_DECLINED', { decline: 'insufficient_funds' });
      }
      cards.set(orderId, cardNumber);
      if (effects.payment === undefined) {
        effects.payment = 'authorized';
        effects.authorized += 1;
      }
      await shop.afterEffect('authorize', orderId);
      return { paymentId: orderId, status: PaymentStatus.AUTHORIZED };
    }),
    async capture({ orderId }) {
      const effects = called('capture', orderId);
      if (effects.payment === 'refunded' || cards.get(orderId) === uncapturedCard) {
        throw refusal(Code.FailedPrecondition, 'PAYMENT_REFUNDED');
      }
      effects.payment = 'captured';
      await shop.afterEffect('capture', orderId);
      return { paymentId: orderId, status: PaymentStatus.CAPTURED };
    },
    async refund({ orderId }) {
      called('refund', orderId).payment = 'refunded';
      await shop.afterEffect('refund', orderId);
      return { paymentId: orderId, status: PaymentStatus.REFUNDED };
    },
  });

  function called(step: OrderStep, orderId: string, key?: string): Effects {
    const effects = effectsOf(orderId);
    effects.calls.push(step);
    if (key !== undefined) effects.keys.add(key);
    return effects;
  }

  const server = await serve({
    services: [catalog, inventory, payments],
    listen: '127.0.0.1:0',
    drainMs: 0,
    finishMs: 0,
  });
  const outbound = server.address;
  const callees = {
    catalog: client(CatalogService, { outbound }),
    inventory: client(InventoryService, { outbound }),
    payments: client(PaymentService, { outbound }),
  };
  return Object.assign(shop, { address: outbound, callees, close: () => server.close() });
}

function unused(): never {
  throw new ServiceError(Code.Unimplemented, 'orders does not call this');
}

function refusal(code: Code, reason: string, metadata: Record<string, string> = {}): ServiceError {
  const value = { reason, domain: 'shop.fake', metadata };
  return new ServiceError(code, reason, { details: [{ desc: ErrorInfoSchema, value }] });
}
