import test from 'ava';
import { program } from '../program.ts';

test('options that cannot be meant are refused with what they must be', async (t) => {
  const logs = async (...args: readonly string[]) =>
    (await program()).commands
      .find((each) => each.name() === 'logs')
      ?.configureOutput({ writeErr: () => {} })
      .parseAsync([...args], { from: 'user' });
  await t.throwsAsync(async () => logs('orders', '--grep', '('), { message: /must be a regular expression/ });
  await t.throwsAsync(async () => logs('orders', '--since', 'soon'), { message: /how long ago \(5m\)/ });
  await t.throwsAsync(async () => logs('orders', '-n', '-1'), { message: /from 0 to 100000/ });
});
