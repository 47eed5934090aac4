-- The books of the simulated bank. They are in the database so that all replicas of payments face one bank, as they would in life.
-- Nothing but src/simulated-bank.ts reads or writes them.

create table simulated_bank (
  -- The caller's key for the authorization: one row, however often it is asked for.
  authorization_key text primary key,
  -- How often it was asked for; a card that fails twice approves the third time.
  attempts integer not null default 0,
  state text not null check (state in ('asked', 'approved', 'declined', 'captured', 'returned')),
  decline_reason text,
  currency_code text,
  amount_units bigint,
  amount_nanos integer,
  updated_at timestamptz not null default now()
);
