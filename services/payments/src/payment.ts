import type { Money } from '@shop/money-contract/v1';
import { type Database, type Queryable, type Transaction, uuidv7 } from '@weft/service-kit';
import type { Card } from './card.ts';
import { errors } from './errors.ts';
import type { DeclineReason, PaymentProvider } from './payment-provider.ts';

/** A payment as it is stored. */
export interface PaymentRow {
  /** Null in a tombstone: the order was refunded before it ever paid. */
  readonly payment_id: string | null;
  readonly status: 'authorizing' | 'authorized' | 'captured' | 'declined' | 'refunding' | 'refunded';
  readonly currency_code: string | null;
  readonly amount_units: bigint | null;
  readonly amount_nanos: number | null;
  readonly card_brand: string | null;
  readonly card_last4: string | null;
  readonly decline_reason: DeclineReason | null;
  readonly authorized_at: Date | null;
}

const columns =
  'payment_id, status, currency_code, amount_units, amount_nanos, card_brand, card_last4, decline_reason, authorized_at';

/** The bank's key for all that happens for an order. By the order, not by the caller's key: Refund must find it too. */
export function authorizationKeyOf(orderId: string): string {
  return `order/${orderId}`;
}

/**
 * Stores the intent to authorize, before the bank is asked. For an order whose authorization is under way or done, of the
 * same amount and card, it changes nothing.
 *
 * @throws ServiceError FAILED_PRECONDITION when the order was refunded, even before it ever paid; ALREADY_EXISTS when it
 * pays another amount or with another card.
 */
export async function beginAuthorization(tx: Transaction, orderId: string, amount: Money, card: Card): Promise<void> {
  const inserted = await tx.query(
    `insert into payments (order_id, payment_id, status, currency_code, amount_units, amount_nanos, card_brand, card_last4)
     values ($1, $2, 'authorizing', $3, $4, $5, $6, $7) on conflict (order_id) do nothing returning 1`,
    [orderId, uuidv7(), amount.currencyCode, amount.units, amount.nanos, card.brand, card.last4],
  );
  if (inserted.rowCount > 0) return;
  const payment = await findPayment(tx, orderId);
  if (payment === undefined || payment.status === 'refunding' || payment.status === 'refunded') {
    throw errors.refunded(orderId);
  }
  const same =
    payment.currency_code === amount.currencyCode &&
    payment.amount_units === amount.units &&
    payment.amount_nanos === amount.nanos &&
    payment.card_brand === card.brand &&
    payment.card_last4 === card.last4;
  if (!same) throw errors.otherAmount(orderId);
}

/**
 * Asks the bank and stores what it said. Holds no connection while the bank thinks, and may be done again after any crash.
 *
 * @throws ServiceError FAILED_PRECONDITION when the bank declines or no longer knows the card, or the order was refunded
 * meanwhile.
 */
export async function authorize(
  db: Database,
  bank: PaymentProvider,
  orderId: string,
  amount: Money,
  cardToken: string,
  signal: AbortSignal,
): Promise<PaymentRow> {
  const outcome = await bank.authorize({ key: authorizationKeyOf(orderId), amount, cardToken }, signal);
  if (outcome.kind === 'unknown card') throw errors.unknownCard(orderId);
  const status = outcome.kind === 'approved' ? 'authorized' : 'declined';
  if (outcome.kind !== 'returned') {
    await db.query(
      `update payments set status = $2, decline_reason = $3, updated_at = now(),
         authorized_at = case $2 when 'authorized' then now() end
       where order_id = $1 and status = 'authorizing'`,
      [orderId, status, outcome.kind === 'declined' ? outcome.reason : null],
    );
  }
  // Whatever is stored counts: a refund may have come in between, and it told the bank too.
  const payment = await findPayment(db, orderId);
  switch (payment?.status) {
    case 'authorized':
    case 'captured':
      return payment;
    case 'declined':
      throw errors.declined(orderId, payment.decline_reason ?? 'processing_error');
    case 'authorizing':
    case 'refunding':
    case 'refunded':
    case undefined:
      throw errors.refunded(orderId);
  }
}

/**
 * Takes an order's authorized amount. Twice changes nothing.
 *
 * @throws ServiceError FAILED_PRECONDITION once it was refunded, or when it was never authorized.
 */
export async function capture(
  db: Database,
  bank: PaymentProvider,
  orderId: string,
  signal: AbortSignal,
): Promise<PaymentRow> {
  const before = await findPayment(db, orderId);
  if (before?.status === 'authorized') {
    const outcome = await bank.capture(authorizationKeyOf(orderId), signal);
    if (outcome === 'unknown') throw errors.neverAuthorized(orderId);
    if (outcome === 'captured') {
      await db.query(
        `update payments set status = 'captured', updated_at = now() where order_id = $1 and status = 'authorized'`,
        [orderId],
      );
    }
  }
  const payment = before?.status === 'authorized' ? await findPayment(db, orderId) : before;
  switch (payment?.status) {
    case 'captured':
      return payment;
    case 'authorizing':
      throw errors.authorizing(orderId);
    case 'authorized':
    case 'refunding':
    case 'refunded':
      throw errors.refunded(orderId);
    case 'declined':
    case undefined:
      throw errors.neverAuthorized(orderId);
  }
}

/**
 * Gives back all of an order's payment. Twice changes nothing; for an order that never paid it leaves a tombstone here and
 * at the bank, so that an Authorize that was delayed on its way sets nothing aside.
 *
 * Returns the payment's id, empty where the order never paid.
 */
export async function refund(
  db: Database,
  bank: PaymentProvider,
  orderId: string,
  signal: AbortSignal,
): Promise<string> {
  const {
    rows: [row],
  } = await db.query<{ payment_id: string | null; status: PaymentRow['status'] }>(
    `insert into payments as payment (order_id, status) values ($1, 'refunding')
     on conflict (order_id) do update set updated_at = now(),
       status = case when payment.status in ('declined', 'refunded') then payment.status else 'refunding' end
     returning payment_id, status`,
    [orderId],
  );
  if (row?.status === 'refunding') {
    await bank.giveBack(authorizationKeyOf(orderId), signal);
    await db.query(
      `update payments set status = 'refunded', updated_at = now() where order_id = $1 and status = 'refunding'`,
      [orderId],
    );
  }
  return row?.payment_id ?? '';
}

async function findPayment(db: Queryable, orderId: string): Promise<PaymentRow | undefined> {
  const {
    rows: [payment],
  } = await db.query<PaymentRow>(`select ${columns} from payments where order_id = $1`, [orderId]);
  return payment;
}
