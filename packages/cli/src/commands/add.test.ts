import test from 'ava';
import { addCommand } from './add.ts';

for (const calls of ['', ' , ']) {
  test(`weft add service --calls "${calls}" is refused`, async (t) => {
    const add = addCommand();
    for (const command of [add, ...add.commands]) command.exitOverride().configureOutput({ writeErr: () => {} });
    await t.throwsAsync(add.parseAsync(['service', 'bread', '--calls', calls], { from: 'user' }), {
      message: /option '--calls <contracts>' argument '.*' is invalid. It names no contract; leave it out/,
    });
  });
}
