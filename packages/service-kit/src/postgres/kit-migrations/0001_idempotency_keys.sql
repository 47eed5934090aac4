-- One row for each keyed request: what was asked and, once it is known, what was answered.
create table idempotency_keys (
  caller text not null,
  method text not null,
  key text not null,
  -- SHA-256 of the request. Another request under the same key is refused.
  request_hash bytea not null,
  -- Whoever holds the lease works on the answer. Every takeover raises the number, and an update that names an
  -- older one finds no row: a holder that was only slow cannot overwrite its successor's answer.
  lease_number integer not null default 1,
  lease_until timestamptz not null,
  -- What `begin` decided, the same for every holder: ids, prices.
  state jsonb,
  -- The answer: a message, or a final error.
  response bytea,
  error jsonb,
  expires_at timestamptz not null default now() + interval '24 hours',
  primary key (caller, method, key),
  constraint one_answer check (response is null or error is null)
);

create index idempotency_keys_expires_at on idempotency_keys (expires_at);
