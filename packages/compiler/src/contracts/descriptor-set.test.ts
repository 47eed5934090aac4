import test from 'ava';
import { tinyContract } from '../testing/tiny-contract.ts';
import { filesOf, openDescriptorSet } from './descriptor-set.ts';

const set = (name: string) => tinyContract(`bakery.${name}`, { Get: {} });

test('a set is decoded once for all who read it', (t) => {
  const bytes = set('orders');
  const registry = openDescriptorSet(bytes);
  t.is(openDescriptorSet(bytes), registry);
  t.is([...registry.files][0]?.proto, filesOf(bytes)[0]);
});

test('of many sets the latest stay decoded, so that memory does not grow with the mesh', (t) => {
  const first = set('first');
  const registry = openDescriptorSet(first);
  for (let index = 0; index < 15; index++) openDescriptorSet(set(`other${index}`));
  t.is(openDescriptorSet(first), registry);
  for (let index = 0; index < 16; index++) openDescriptorSet(set(`another${index}`));
  t.not(openDescriptorSet(first), registry);
});

test('what is no descriptor set is said each time', (t) => {
  const bytes = Buffer.from('no set');
  t.throws(() => openDescriptorSet(bytes));
  t.throws(() => filesOf(bytes));
});
