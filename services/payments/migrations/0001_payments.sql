-- Payments, one an order. Of a card only its brand and last four digits are kept, never its number.

-- 'authorizing' and 'refunding' are intents: they are stored before the bank is asked, so that whoever comes after a crash knows that
-- the bank may have been asked. A row without a payment_id is a tombstone: the order was refunded before it ever paid, and an Authorize
-- that arrives late finds the row and is refused.
create table payments (
  order_id uuid primary key,
  payment_id uuid unique,
  status text not null check (status in ('authorizing', 'authorized', 'captured', 'declined', 'refunding', 'refunded')),
  currency_code text,
  amount_units bigint,
  amount_nanos integer,
  card_brand text,
  card_last4 text check (length(card_last4) = 4),
  decline_reason text,
  created_at timestamptz not null default now(),
  authorized_at timestamptz,
  updated_at timestamptz not null default now(),
  check (payment_id is not null or status in ('refunding', 'refunded'))
);
