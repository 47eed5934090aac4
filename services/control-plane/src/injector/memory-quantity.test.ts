import test from 'ava';
import { bytesOf } from './memory-quantity.ts';

test('quantities of memory in bytes', (t) => {
  const known = {
    '256Mi': 268_435_456,
    '0.5Gi': 536_870_912,
    '300M': 300_000_000,
    '1e9': 1_000_000_000,
    '134217728': 134_217_728,
    '100m': 1,
  };
  for (const [quantity, bytes] of Object.entries(known)) t.is(bytesOf(quantity), bytes);
  for (const wrong of ['', 'Mi', '12Q', '1..2Mi'])
    t.throws(() => bytesOf(wrong), {
      instanceOf: RangeError,
      message: `memory limit ${wrong} must be a quantity, as 256Mi`,
    });
});
