-- Stock for WFT-0001 to WFT-0520, 1,000 to 10,000 of each by arithmetic. Of WFT-0500 there are 5, so that a shortage can be shown.

insert into stock (sku, on_hand)
select
  'WFT-' || lpad(n::text, 4, '0'),
  case n when 500 then 5 else 1000 + (n * 7919) % 9001 end
from generate_series(1, 520) as n;
