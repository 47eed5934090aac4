import test from 'ava';
import { uuidv7 } from './uuidv7.ts';

test('ids are UUIDs of version 7, all different, in the order of their making', (t) => {
  const before = Date.now();
  const ids = Array.from({ length: 20_000 }, uuidv7);
  for (const id of ids) t.regex(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  t.is(new Set(ids).size, ids.length);
  t.deepEqual([...ids].sort(), ids);
  const madeAt = Number.parseInt((ids[0] ?? '').replace('-', '').slice(0, 12), 16);
  t.true(madeAt >= before && madeAt <= Date.now());
});
