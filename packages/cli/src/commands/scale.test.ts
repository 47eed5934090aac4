import test from 'ava';
import { CommandError } from '../command-error.ts';
import { scaleCommand } from './scale.ts';

for (const [wish, example] of [
  ['bread', 'bread=3'],
  ['bread=', 'bread=3'],
  ['bread=many', 'bread=3'],
  ['bread=51', 'bread=3'],
  ['bread 2', 'bread=3'],
  ['=2', 'SERVICE=3'],
] as const) {
  test(`weft scale "${wish}" shows how to write it`, async (t) => {
    const error = await t.throwsAsync(scaleCommand().exitOverride().parseAsync([wish], { from: 'user' }), {
      instanceOf: CommandError,
    });
    t.true(error.message.startsWith(`${wish} does not say`) && error.message.endsWith(`: ${example}.`), error.message);
  });
}
