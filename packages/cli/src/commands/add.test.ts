import test from 'ava';
import { CommandError } from '../command-error.ts';
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

for (const [args, meant] of [
  [['cart'], 'cart'],
  [['cart', '--database', '--calls', 'bakery.bread'], 'cart --database --calls bakery.bread'],
  [['srvice', 'cart'], 'cart'],
] as const) {
  test(`weft add ${args.join(' ')} is told that it adds services`, async (t) => {
    await t.throwsAsync(addCommand().exitOverride().parseAsync(args, { from: 'user' }), {
      instanceOf: CommandError,
      message: `weft cannot add "${args[0]}"; to add a service, run: weft add service ${meant}`,
    });
  });
}
