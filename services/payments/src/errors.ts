import { Code } from '@connectrpc/connect';
import { ErrorInfoSchema } from '@weft/policy/google/rpc/error_details';
import { ServiceError } from '@weft/service-kit';
import type { DeclineReason } from './payment-provider.ts';

/** Every error that payments answers with, beyond those of validation and of the database. */
export const errors = {
  /** FAILED_PRECONDITION. ErrorInfo CARD_DECLINED carries the bank's reason under "decline". */
  declined: (orderId: string, decline: DeclineReason) =>
    refusal('CARD_DECLINED', `payments: the bank declined the card for order ${orderId}: ${decline}`, { decline }),
  /** FAILED_PRECONDITION: the provider does not know the card's token, or no longer. */
  unknownCard: (orderId: string) =>
    refusal(
      'UNKNOWN_CARD',
      `payments: the card for order ${orderId} is not known to the bank any more; enter it again`,
    ),
  /** FAILED_PRECONDITION: the order's payment was given back, even before it was ever made. */
  refunded: (orderId: string) =>
    refusal('PAYMENT_REFUNDED', `payments: the payment of order ${orderId} was refunded and stays so`),
  /** FAILED_PRECONDITION. */
  neverAuthorized: (orderId: string) =>
    refusal('NEVER_AUTHORIZED', `payments: order ${orderId} has no authorized payment to capture`),
  /** ALREADY_EXISTS. */
  otherAmount: (orderId: string) =>
    new ServiceError(Code.AlreadyExists, `payments: order ${orderId} already pays another amount or with another card`),
  /** UNAVAILABLE: the same call may be made again. */
  bankUnavailable: (orderId: string, cause: unknown) =>
    new ServiceError(Code.Unavailable, `payments: the bank gave no answer for order ${orderId}; try again`, { cause }),
  /** ABORTED: the same call may be made again. */
  authorizing: (orderId: string) =>
    new ServiceError(Code.Aborted, `payments: order ${orderId} is being authorized; try again`),
};

function refusal(reason: string, message: string, metadata: Record<string, string> = {}): ServiceError {
  return new ServiceError(Code.FailedPrecondition, message, {
    details: [{ desc: ErrorInfoSchema, value: { reason, domain: 'shop.payments', metadata } }],
  });
}
