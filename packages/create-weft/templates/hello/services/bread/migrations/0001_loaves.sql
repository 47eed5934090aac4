create table loaves (
  loaf_id uuid primary key,
  flour text not null,
  crust text not null,
  baked_at timestamptz not null default now()
);

create index loaves_newest on loaves (baked_at desc);
