-- Orders, each state they have been in, and where the work on each stands.

create table orders (
  -- UUIDv7: ids sort by the time at which they were placed.
  order_id uuid primary key,
  customer_id uuid not null,
  currency_code text not null,
  status text not null check (status in ('pending', 'reserved', 'authorized', 'captured', 'confirmed', 'cancelling', 'cancelled')),
  -- Absent until the prices are known.
  total_units bigint,
  total_nanos integer,
  reason text not null default '',
  -- Only until the bank has answered or the order is cancelled; src/order-record.ts clears it in the statement that records this.
  card_number text,
  -- Of the newest row in order_events.
  sequence bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (card_number is null or status in ('pending', 'reserved'))
);

create index orders_of_a_customer on orders (customer_id, order_id desc);

create table order_items (
  order_id uuid not null references orders (order_id),
  position integer not null,
  sku text not null,
  quantity integer not null,
  primary key (order_id, position)
);

-- Each state that an order has been in. Watchers read from here, so that one who comes late or on another replica misses none.
create table order_events (
  order_id uuid not null references orders (order_id),
  sequence bigint not null,
  status text not null,
  total_units bigint,
  total_nanos integer,
  reason text not null,
  at timestamptz not null default now(),
  primary key (order_id, sequence)
);

-- The step that each order is at, and who is working on it. A lease is 10 s, renewed while a step runs. Taking one raises lease_number,
-- and every change of an order names the number under which it was made: a holder whose lease was taken over changes nothing.
create table order_steps (
  order_id uuid primary key references orders (order_id),
  step text not null,
  state text not null default 'ready' check (state in ('ready', 'done')),
  -- Failed tries of this step, and when it became due for the first time.
  attempt integer not null default 0,
  since timestamptz not null default now(),
  run_after timestamptz not null default now(),
  lease_holder text,
  lease_number bigint not null default 0,
  lease_until timestamptz,
  -- W3C trace context of the call that placed the order: the steps belong to its trace.
  trace_parent text
);

-- Only what is left to do: stays small however many orders there were.
create index order_steps_due on order_steps (run_after) where state = 'ready';
