import { fc, testProp } from '@fast-check/ava';
import { SortedKeys } from './sorted-keys.ts';

const edit = fc.record({ key: fc.nat(300).map((n) => `key-${n}`), add: fc.boolean(), read: fc.nat(20) });

testProp(
  'sorted keys: equal a sorted set after any edits, and what was handed out stays',
  [fc.array(edit, { maxLength: 1000, size: 'max' })],
  (t, edits) => {
    const keys = new SortedKeys();
    const expected = new Set<string>();
    const handedOut: [readonly string[], readonly string[]][] = [];
    for (const { key, add, read } of edits) {
      if (add) keys.add(key);
      else keys.delete(key);
      if (add) expected.add(key);
      else expected.delete(key);
      t.is(keys.size, expected.size);
      if (read === 0) handedOut.push([keys.list, [...expected].sort()]);
    }
    for (const [list, sorted] of [...handedOut, [keys.list, [...expected].sort()]]) t.deepEqual(list, sorted);
  },
);
