-- A card's number is stored nowhere, not even until the bank has answered: payments gives a token for it before the order is stored.
-- An order that still waits for its bank is cancelled, and its customer enters the card again.

alter table orders drop column card_number;
alter table orders add column card_token text
  -- Only until the bank has answered or the order is cancelled; src/advance-order.ts clears it in the statement that records this.
  check (card_token is null or status in ('pending', 'reserved'));
