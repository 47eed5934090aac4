import test from 'ava';
import { sameValue } from './same-value.ts';

class Point {
  readonly x: number;
  constructor(x: number) {
    this.x = x;
  }
}
const point = new Point(1);

const same: readonly (readonly [unknown, unknown])[] = [
  [1, 1],
  [Number.NaN, Number.NaN],
  [undefined, undefined],
  [
    { a: 1, b: [2, { c: 'x' }] },
    { a: 1, b: [2, { c: 'x' }] },
  ],
  [Object.create(null), Object.create(null)],
  [new Uint8Array([1, 2]), new Uint8Array([1, 2])],
  [new Set(['a', 'b']), new Set(['a', 'b'])],
  [new Map([['a', { n: 1 }]]), new Map([['a', { n: 1 }]])],
  [point, point],
];
const different: readonly (readonly [unknown, unknown])[] = [
  [0, -0],
  [1, '1'],
  [null, undefined],
  [null, {}],
  [{ a: undefined }, {}],
  [{ a: undefined }, { b: undefined }],
  [{}, []],
  [[1], [1, 2]],
  [new Uint8Array([1, 2]), new Uint8Array([1, 3])],
  [new Uint8Array([1, 2]), Buffer.from([1, 2])],
  // The order of members can show in what is made of them.
  [
    { a: 1, b: 2 },
    { b: 2, a: 1 },
  ],
  [new Set(['a', 'b']), new Set(['b', 'a'])],
  [
    new Map([
      ['a', 1],
      ['b', 2],
    ]),
    new Map([
      ['b', 2],
      ['a', 1],
    ]),
  ],
  [new Map([['a', 1]]), new Map([['a', 2]])],
  [new Point(1), new Point(1)],
  [() => 1, () => 1],
];

test('same value: by content', (t) => {
  for (const [a, b] of same) t.true(sameValue(a, b));
  for (const [a, b] of different) {
    t.false(sameValue(a, b));
    t.false(sameValue(b, a));
  }
});
