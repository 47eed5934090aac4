import test from 'ava';
import type { Paint } from './terminal/style.ts';
import { welcome } from './welcome.ts';

test('what services suggest is shown with the address of the edge and ids of its own', (t) => {
  const plain: Paint = (_, text) => text;
  const text = welcome(8080, [{ try: ['call {edge} {id} {id}'] }, { try: [] }], plain);
  t.regex(text, /^The mesh is up: .* on http:\/\/localhost:8080\n/);
  const [, one, two] = /\n {2}call localhost:8080 ([0-9a-f]{8}) ([0-9a-f]{8})\n/.exec(text) ?? [];
  t.truthy(one);
  t.not(one, two);
});
