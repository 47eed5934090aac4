import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { AuthorizeResponseSchema, PaymentService, PaymentStatus } from '@shop/payments-contract/v1';
import { type Database, implement, keyed, onceAcross, type ServiceImplementation } from '@weft/service-kit';
import { errors } from './errors.ts';
import { authorize, beginAuthorization, capture, refund } from './payment.ts';
import { type PaymentProvider, ProviderUnavailable } from './payment-provider.ts';

/** shop.payments.v1.PaymentService: payments in `db`, money at `bank`. */
export function paymentService(db: Database, bank: PaymentProvider): ServiceImplementation {
  return implement(PaymentService, {
    async tokenizeCard({ cardNumber }) {
      return { cardToken: await bank.tokenize(cardNumber) };
    },
    authorize: keyed(async (request, call) => {
      const { orderId, amount, cardToken } = request;
      // Validation has refused a request without one.
      if (amount === undefined) throw errors.neverAuthorized(orderId);
      // Before the transaction: the bank must not be waited for in it.
      const card = await bank.cardOf(cardToken);
      return await onceAcross(db, call, request, AuthorizeResponseSchema, {
        begin: async (tx) => {
          if (card === undefined) throw errors.unknownCard(orderId);
          await beginAuthorization(tx, orderId, amount, card);
        },
        work: (_state, _key, leaseLost) =>
          asking(orderId, async () => {
            const signal = AbortSignal.any([call.signal, leaseLost]);
            const payment = await authorize(db, bank, orderId, amount, cardToken, signal);
            return {
              paymentId: payment.payment_id ?? '',
              status: PaymentStatus.AUTHORIZED,
              ...(payment.authorized_at && { authorizedAt: timestampFromDate(payment.authorized_at) }),
            };
          }),
      });
    }),
    async capture({ orderId }, call) {
      const payment = await asking(orderId, () => capture(db, bank, orderId, call.signal));
      return { paymentId: payment.payment_id ?? '', status: PaymentStatus.CAPTURED };
    },
    async refund({ orderId }, call) {
      const paymentId = await asking(orderId, () => refund(db, bank, orderId, call.signal));
      return { paymentId, status: PaymentStatus.REFUNDED };
    },
  });
}

// A bank without an answer is an answer of ours: UNAVAILABLE.
async function asking<T>(orderId: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ProviderUnavailable) throw errors.bankUnavailable(orderId, error);
    throw error;
  }
}
