import type { Money } from '@shop/money-contract/v1';
import type { Card } from './card.ts';

/**
 * The bank, as payments needs it. Every call is idempotent by the authorization's key: a repeat changes nothing and gets
 * the same answer, so a call whose answer was lost is simply made again.
 *
 * @throws ProviderUnavailable from each method when the bank gave no answer; whether it acted is then unknown.
 */
export interface PaymentProvider {
  /** Takes a card's number and gives a token that stands for it. Asking again gives another token. */
  tokenize(cardNumber: string): Promise<string>;
  /** What may be kept of the token's card; undefined for a token that the bank does not know, or no longer. */
  cardOf(token: string): Promise<Card | undefined>;
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
  readonly cardToken: string;
}

/** What the bank said. */
export type AuthorizationOutcome =
  | { readonly kind: 'approved' }
  | { readonly kind: 'declined'; readonly reason: DeclineReason }
  | { readonly kind: 'returned' }
  | { readonly kind: 'unknown card' };

/** Why a bank says no. */
export type DeclineReason = 'insufficient_funds' | 'stolen_card' | 'processing_error' | 'invalid_number';

/** The bank gave no answer. The same call may be made again. */
export class ProviderUnavailable extends Error {
  override readonly name = 'ProviderUnavailable';
}
