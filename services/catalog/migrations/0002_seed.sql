-- 520 products of our own making, WFT-0001 to WFT-0520: the same on every machine, because each word and price is picked by arithmetic.
-- Ten categories of 13 things, each thing in four makes. A tenth is priced in USD or GBP, the rest in EUR.

with
lists as (
  select
    array['kitchen', 'garden', 'office', 'lighting', 'travel', 'workshop', 'bathroom', 'outdoor', 'textiles', 'children'] as categories,
    array[
      array['teapot', 'saucepan', 'chopping board', 'ladle', 'colander', 'bread tin', 'pepper mill', 'mixing bowl', 'whisk', 'egg timer', 'oven glove', 'cake stand', 'carafe'],
      array['watering can', 'trowel', 'hand fork', 'planter', 'trellis', 'secateurs', 'seed tray', 'bird feeder', 'rake', 'kneeling pad', 'twine tin', 'cold frame', 'hose reel'],
      array['notebook', 'desk lamp', 'pen tray', 'letter opener', 'stapler', 'document box', 'desk pad', 'bookend', 'paper knife', 'wall calendar', 'monitor stand', 'waste basket', 'pencil pot'],
      array['pendant', 'floor lamp', 'lantern', 'wall light', 'candle holder', 'string light', 'reading lamp', 'night light', 'lampshade', 'ceiling light', 'torch', 'picture light', 'tea light'],
      array['suitcase', 'day bag', 'wash bag', 'luggage tag', 'neck pillow', 'passport wallet', 'travel mug', 'packing cube', 'shoe bag', 'umbrella', 'belt bag', 'eye mask', 'travel clock'],
      array['mallet', 'spirit level', 'tool roll', 'hand plane', 'clamp', 'screwdriver set', 'tape measure', 'chisel', 'saw horse', 'work apron', 'marking gauge', 'parts box', 'file set'],
      array['soap dish', 'bath mat', 'towel rail', 'toothbrush cup', 'shower caddy', 'mirror', 'bath brush', 'laundry basket', 'wash bowl', 'bath tray', 'towel hook', 'cotton jar', 'stool'],
      array['hammock', 'fire bowl', 'picnic basket', 'camping mug', 'folding chair', 'water bottle', 'cool box', 'rain poncho', 'binoculars case', 'camp stove', 'ground sheet', 'kite', 'walking stick'],
      array['blanket', 'cushion', 'tea towel', 'table runner', 'pillowcase', 'throw', 'napkin set', 'curtain', 'rug', 'quilt', 'door mat', 'bath robe', 'wall hanging'],
      array['stacking tower', 'skipping rope', 'building block set', 'puzzle', 'spinning top', 'rocking horse', 'pull-along duck', 'toy boat', 'shape sorter', 'abacus', 'play tent', 'marble run', 'memory game']
    ] as things,
    array['Quiet', 'Northern', 'Bright', 'Sturdy', 'Slender', 'Plain', 'Harbour', 'Morning', 'Little', 'Tall', 'Amber', 'Winter', 'Meadow', 'Honest', 'Folded', 'Copper-trimmed', 'Double', 'Round', 'Everyday', 'Heirloom'] as manners,
    array['oak', 'ash', 'enamel', 'linen', 'stoneware', 'brushed steel', 'cork', 'recycled glass', 'brass', 'bamboo', 'felt'] as materials,
    array['black', 'moss green', 'chalk white', 'rust red', 'slate blue', 'ochre', 'sand'] as colours,
    array['a family workshop in the hills', 'three brothers by the sea', 'a cooperative of forty makers', 'a foundry that has worked since 1911', 'a studio above a bakery', 'two engineers who could not find a better one'] as makers,
    array['It ages well and is easy to mend.', 'Spare parts are kept for ten years.', 'Wipe it with a damp cloth.', 'It packs flat.', 'Each one differs a little.', 'It comes in a box without plastic.', 'Made to be used every day.', 'It makes a good present.'] as remarks
),
numbers as (
  -- n runs through the categories first, so that every page shows several; m counts within a category.
  select n, n % 10 as category, n / 10 as m, (n / 10) % 13 as thing, n / 130 as make from generate_series(0, 519) as n
),
picked as (
  select
    n,
    categories[category + 1] as category,
    things[category + 1][thing + 1] as thing,
    -- 20 manners, 4 makes five apart: no two makes of one thing share a name.
    manners[(category * 7 + thing * 3 + make * 5) % 20 + 1] as manner,
    materials[(category * 3 + thing + make * 2) % 11 + 1] as material,
    colours[(category + thing * 2 + make * 3) % 7 + 1] as colour,
    makers[(thing + make + category * 5) % 6 + 1] as maker,
    remarks[(thing * 5 + make * 3 + category) % 8 + 1] as remark,
    case (n + 1) % 20 when 18 then 'USD' when 19 then 'GBP' else 'EUR' end as currency_code,
    4 + (category * 37 + thing * 53 + make * 19) % 140 as price_units,
    (array[0, 500000000, 900000000, 950000000])[(thing + make) % 4 + 1] as price_nanos
  from numbers, lists
)
insert into products (sku, name, description, category, currency_code, price_units, price_nanos)
select
  'WFT-' || lpad((n + 1)::text, 4, '0'),
  format('%s %s %s', manner, material, thing),
  format('A %s of %s in %s, made by %s. %s', thing, material, colour, maker, remark),
  category,
  currency_code,
  price_units,
  price_nanos
from picked;
