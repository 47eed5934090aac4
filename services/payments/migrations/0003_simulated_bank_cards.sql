-- What the simulated bank knows of a card: how it treats it, never its number. Nothing but src/simulated-bank.ts reads or writes it.

create table simulated_bank_cards (
  token text primary key,
  brand text not null,
  last4 text not null check (length(last4) = 4),
  behaviour jsonb not null,
  expires_at timestamptz not null default now() + interval '24 hours'
);

create index simulated_bank_cards_expired on simulated_bank_cards (expires_at);
