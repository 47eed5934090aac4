create table items (
  item_id uuid primary key,
  name text not null,
  created_at timestamptz not null default now()
);

create index items_newest on items (created_at desc);
