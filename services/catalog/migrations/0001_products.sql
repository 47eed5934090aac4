-- What the shop sells. Money is whole units and billionths of a unit, as the contract writes it: exact, never a float.

create table products (
  -- Compared byte by byte, so that pages by SKU do not depend on the locale of the database.
  sku text collate "C" primary key check (sku ~ '^[A-Z]{3}-[0-9]{4,8}$'),
  name text not null,
  description text not null,
  category text not null,
  currency_code text not null,
  price_units bigint not null,
  price_nanos integer not null,
  updated_at timestamptz not null default now(),
  -- The dictionary "simple" keeps each word as it is written: no stemming and no stop words, so that a search takes words literally.
  -- ASCII punctuation becomes a space first: the parser would otherwise see hosts, paths and tags in "www.example.com/<b>" and hide
  -- the words in them. src/search-words.ts splits a query in the same way; change both or none.
  words tsvector not null generated always as (
    setweight(to_tsvector('pg_catalog.simple', regexp_replace(name, '[\x01-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]+', ' ', 'g')), 'A') ||
    setweight(to_tsvector('pg_catalog.simple', regexp_replace(description, '[\x01-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]+', ' ', 'g')), 'C')
  ) stored,
  check (price_units > 0 and price_nanos >= 0 or price_units = 0 and price_nanos > 0)
);

create index products_by_category on products (category, sku);

create index products_by_words on products using gin (words);
