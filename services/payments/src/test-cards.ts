import type { DeclineReason } from './payment-provider.ts';

/** How the simulated bank treats a card. */
export interface CardBehaviour {
  /** Waits before it answers. Default: 0. */
  readonly delayMs?: number;
  /** Gives no answer so many times, then one. Default: 0. The largest safe integer stands for always. */
  readonly failures?: number;
  /** Says no. Default: it approves. */
  readonly decline?: DeclineReason;
}

/** The cards that README.md documents. */
const cards: Readonly<Record<string, CardBehaviour>> = {
  '4242424242424242': {},
  '4000000000009995': { decline: 'insufficient_funds' },
  '4000000000009979': { decline: 'stolen_card' },
  '4000000000000119': { decline: 'processing_error' },
  '4000000000002000': { delayMs: 2_000 },
  '4000000000030000': { delayMs: 30_000 },
  '4000000000000200': { failures: 2 },
  '4000000000000503': { failures: Number.MAX_SAFE_INTEGER },
};

/** The behaviour of a card. One that is not documented is approved if its check digit is right, else declined. */
export function behaviourOf(cardNumber: string): CardBehaviour {
  return cards[cardNumber] ?? (hasCheckDigit(cardNumber) ? {} : { decline: 'invalid_number' });
}

/** ISO/IEC 7812-1, annex B (Luhn). */
function hasCheckDigit(cardNumber: string): boolean {
  const digits = [...cardNumber].reverse().map(Number);
  const sum = digits.reduce((total, digit, index) => {
    const doubled = index % 2 === 0 ? digit : digit * 2;
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return sum % 10 === 0;
}
