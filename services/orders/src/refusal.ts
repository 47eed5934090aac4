import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema } from '@weft/policy/google/rpc/error_details';

/** An order that cannot be, found out by orders itself. Its message is for the customer. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** Answers that a repeat cannot change. All others may be an outage, a deployment or a bug that is being mended. */
const finalCodes: ReadonlySet<Code> = new Set([
  Code.InvalidArgument,
  Code.NotFound,
  Code.AlreadyExists,
  Code.FailedPrecondition,
  Code.OutOfRange,
]);

/** Whether an error of a step says no for good. */
export function isFinal(error: unknown): boolean {
  return error instanceof Refusal || (error instanceof ConnectError && finalCodes.has(error.code));
}

/** For the customer: there is no token that could pay. */
export const cardNeeded = 'The card has to be entered again.';

/** Why an order is cancelled after `error`, in words for the customer. Nothing of what services say to each other is in it. */
export function reasonFor(error: unknown): string {
  if (error instanceof Refusal) return error.message;
  const info = error instanceof ConnectError ? error.findDetails(ErrorInfoSchema)[0] : undefined;
  switch (info?.reason) {
    case 'PRODUCT_NOT_FOUND':
      return `We do not sell ${info.metadata.skus?.split(',').join(', ')}.`;
    case 'OUT_OF_STOCK':
      return `Not enough in stock: ${Object.entries(info.metadata).map(shortage).join('; ')}.`;
    case 'UNKNOWN_CARD':
      return cardNeeded;
    case 'CARD_DECLINED':
      return decline(info.metadata.decline);
    default:
      return isFinal(error)
        ? 'The order could not be carried out.'
        : 'The order could not be carried out in time. Please try again later.';
  }
}

function shortage([sku, counts]: [string, string]): string {
  const [asked, available] = counts.split('/');
  return `${sku} (${asked} asked, ${available} available)`;
}

function decline(reason: string | undefined): string {
  switch (reason) {
    case 'insufficient_funds':
      return 'The card was declined: insufficient funds.';
    case 'invalid_number':
      return 'The card was declined: its number is wrong.';
    default:
      // A thief need not know that the card was reported.
      return 'The card was declined.';
  }
}
