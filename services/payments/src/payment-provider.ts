import type { Money } from '@weft/contracts/shop/money/v1/money';

/**
 * The bank, as payments needs it. Every call is idempotent by the authorization's key: a repeat changes nothing and gets
 * the same answer, so a call whose answer was lost is simply made again.
 *
 * @throws ProviderUnavailable from each method when the bank gave no answer; whether it acted is then unknown.
 */
export interface PaymentProvider {
  /** Asks to set the amount aside. A key whose amount was given back, even before this call, is refused as 'returned'. */
  authorize(request: ProviderAuthorization, signal: AbortSignal): Promise<AuthorizationOutcome>;
  /** Takes the amount. */
  capture(authorizationKey: string, signal: AbortSignal): Promise<'captured' | 'returned' | 'unknown'>;
  /** Gives back whatever the key set aside or took, and whatever it would yet set aside. */
  giveBack(authorizationKey: string, signal: AbortSignal): Promise<void>;
}

/** What to set aside, on which card. */
export interface ProviderAuthorization {
  readonly key: string;
  readonly amount: Money;
  readonly cardNumber: string;
}

/** What the bank said. */
export type AuthorizationOutcome =
  | { readonly kind: 'approved' }
  | { readonly kind: 'declined'; readonly reason: DeclineReason }
  | { readonly kind: 'returned' };

/** Why a bank says no. */
export type DeclineReason = 'insufficient_funds' | 'stolen_card' | 'processing_error' | 'invalid_number';

/** The bank gave no answer. The same call may be made again. */
export class ProviderUnavailable extends Error {
  override readonly name = 'ProviderUnavailable';
}
