import test from 'ava';
import { tsqueryOf } from './search-words.ts';

test('every word must be there, the last one as a beginning', (t) => {
  t.is(tsqueryOf('oak teapot'), "'oak' & 'teapot':*");
});

test('operators and quotes of tsquery and SQL only separate words', (t) => {
  t.is(tsqueryOf("it's | !oak:* <-> \\tea\0pot"), "'it' & 's' & 'oak' & 'tea' & 'pot':*");
});

test('letters beyond ASCII are words', (t) => {
  t.is(tsqueryOf('Kännchen für 茶'), "'Kännchen' & 'für' & '茶':*");
});

test('a query without a word is none', (t) => {
  t.is(tsqueryOf(" '; -- "), undefined);
});
