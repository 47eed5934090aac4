import { fc, testProp } from '@fast-check/ava';
import { HeldResources } from './held-resources.ts';
import { digestOf, type Held, setVersion } from './offer.ts';

const name = fc.nat({ max: 60 }).map((number) => `r${number}`);
const version = fc.constantFrom('1', '2', '3');
const change = fc.record({
  added: fc.array(fc.tuple(name, version), { maxLength: 12 }),
  removed: fc.array(name, { maxLength: 12 }),
});

testProp('holds what a map would, and its version depends on that alone', [fc.array(change)], (t, changes) => {
  const model = new Map<string, Held>();
  const held = new HeldResources();
  for (const { added, removed } of changes) {
    const entries = added.map(([of, at]): [string, Held] => [of, { version: at, digest: digestOf(of, at) }]);
    for (const of of removed) {
      held.delete(of);
      model.delete(of);
    }
    for (const [of, entry] of entries) {
      held.set(of, entry);
      model.set(of, entry);
    }
  }
  t.deepEqual([...held.names()].sort(), [...model.keys()].sort());
  t.is(held.size, model.size);
  for (const [of, entry] of model) t.is(held.get(of), entry);
  t.is(held.version, setVersion([...model.values()].reduce((sum, { digest }) => sum ^ digest, 0n)));
  t.false(held.has('never'));
});
