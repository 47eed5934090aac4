import test from 'ava';
import { findRefused } from './find-refused.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

/** Refuses lists in which one of these groups is whole. */
function refusing(...groups: readonly (readonly number[])[]) {
  const asked: (readonly number[])[] = [];
  return {
    asked,
    judge: async (items: readonly number[]) => {
      asked.push(items);
      const group = groups.find((each) => each.every((item) => items.includes(item)));
      return group && `refused: ${group}`;
    },
  };
}

const cases: readonly { readonly groups: number[][]; readonly known: number; readonly refused: number[] }[] = [
  { groups: [[7]], known: 0, refused: [7] },
  { groups: [[0]], known: 0, refused: [0] },
  { groups: [[999]], known: 990, refused: [999] },
  { groups: [[3], [4], [500], [999]], known: 0, refused: [3, 4, 500, 999] },
  // What was there before stays, and the newcomer goes.
  { groups: [[10, 995]], known: 990, refused: [995] },
  // Known ones that are no longer accepted.
  { groups: [[5]], known: 990, refused: [5] },
];

for (const { groups, known, refused } of cases) {
  test(`find-refused: ${JSON.stringify(groups)} of 1000, ${known} known`, async (t) => {
    const all = numbers(1000);
    const { judge, asked } = refusing(...groups);
    const found = await findRefused({ known: all.slice(0, known), others: all.slice(known), judge, maxProbes: 200 });
    t.deepEqual(found.is === 'found' && [...found.refused.keys()], refused);
    t.true(asked.length <= 4 + refused.length * 20, `${asked.length}`);
    if (found.is === 'found') t.deepEqual(found.refused.get(refused[0] ?? 0), `refused: ${groups[0]}`);
  });
}

test('find-refused: what is new is judged without what is known, if it is refused by itself', async (t) => {
  const all = numbers(1000);
  const { judge, asked } = refusing([995]);
  await findRefused({ known: all.slice(0, 990), others: all.slice(990), judge, maxProbes: 200 });
  t.true(asked.every((items) => items.length <= 10));
});

test('find-refused: who refuses everything says nothing about anything', async (t) => {
  const { judge, asked } = refusing([]);
  const found = await findRefused({ known: [], others: numbers(10), judge, maxProbes: 200 });
  t.is(found.is, 'everything');
  t.is(asked.length, 1);
});

test('find-refused: what is accepted after all is nothing to look for', async (t) => {
  const found = await findRefused({ known: [1], others: numbers(10), judge: refusing([99]).judge, maxProbes: 200 });
  t.is(found.is, 'nothing');
});

test('find-refused: it stops asking at its bound, and says what it does not know', async (t) => {
  const all = numbers(1000);
  const { judge, asked } = refusing(...all.map((item) => [item]));
  const found = await findRefused({ known: [], others: all, judge, maxProbes: 50 });
  t.true(asked.length <= 50, `${asked.length}`);
  if (found.is !== 'found') return t.fail(found.is);
  t.true(found.undecided.length > 900);
});
