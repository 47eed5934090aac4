-- What is in the warehouse, and for which order some of it is held.

create table stock (
  -- Rows are locked in this order, byte by byte, whatever the locale: two reservations can never wait for each other.
  sku text collate "C" primary key,
  on_hand bigint not null,
  reserved bigint not null default 0,
  check (reserved >= 0 and reserved <= on_hand)
);

-- One row an order. A row without a reservation_id is a tombstone: the order was released before it ever reserved, and a Reserve that
-- arrives late finds the row and is refused.
create table reservations (
  order_id uuid primary key,
  reservation_id uuid unique,
  status text not null check (status in ('held', 'released', 'committed')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (reservation_id is not null or status = 'released')
);

create table reservation_items (
  order_id uuid not null references reservations (order_id),
  sku text collate "C" not null references stock (sku),
  quantity bigint not null check (quantity > 0),
  primary key (order_id, sku)
);
