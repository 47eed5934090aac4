import test from 'ava';
import fc from 'fast-check';
import { Deadlines } from './deadlines.ts';

const id = fc.integer({ min: 0, max: 20 });
const step = fc.oneof(
  fc.record({ is: fc.constant('set' as const), id, atMs: fc.integer({ min: 0, max: 50 }) }),
  fc.record({ is: fc.constant('delete' as const), id }),
  fc.record({ is: fc.constant('take' as const), nowMs: fc.integer({ min: 0, max: 50 }) }),
);

test('what is due comes first, whatever was set, moved and taken out before', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const deadlines = new Deadlines<number>();
      const model = new Map<number, number>();
      for (const each of steps) {
        if (each.is === 'set') {
          deadlines.set(each.id, each.atMs);
          model.set(each.id, each.atMs);
        } else if (each.is === 'delete') {
          deadlines.delete(each.id);
          model.delete(each.id);
        } else {
          const due = [...model].filter(([, atMs]) => atMs <= each.nowMs);
          const taken = deadlines.takeDue(each.nowMs);
          t.deepEqual(
            taken.map((one) => model.get(one)),
            due.map(([, atMs]) => atMs).sort((a, b) => a - b),
          );
          t.deepEqual([...taken].sort(), due.map(([one]) => one).sort());
          for (const one of taken) model.delete(one);
        }
        t.is(deadlines.size, model.size);
        t.is(deadlines.nextMs, model.size === 0 ? undefined : Math.min(...model.values()));
      }
    }),
  );
});
