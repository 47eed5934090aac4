/** What is kept of a card: too little to pay with. */
export interface Card {
  readonly brand: 'visa' | 'mastercard' | 'amex' | 'other';
  readonly last4: string;
}

/** What may be kept of a card by its number, which must never be stored or logged. */
export function cardOf(cardNumber: string): Card {
  return { brand: brandOf(cardNumber), last4: cardNumber.slice(-4) };
}

function brandOf(cardNumber: string): Card['brand'] {
  if (cardNumber.startsWith('4')) return 'visa';
  if (/^(5[1-5]|2[2-7])/.test(cardNumber)) return 'mastercard';
  if (/^3[47]/.test(cardNumber)) return 'amex';
  return 'other';
}
