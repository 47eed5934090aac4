import test from 'ava';
import { helmNotes } from './helm-command.ts';

test('what the commands leave open is explained: the registry that nobody gave, and the words in capitals', (t) => {
  const [registry, words, ...more] = helmNotes({ name: 'cart', schema: 'cart' }, undefined);
  t.regex(registry ?? '', /weft package cart --registry /);
  t.regex(words ?? '', /^HOST is .* SECRET is a Secret /);
  t.deepEqual(more, []);
  t.deepEqual(helmNotes({ name: 'oven', schema: undefined }, 'registry.example.com/bakery'), []);
});
