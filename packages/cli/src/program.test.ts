import test from 'ava';
import { commandTable } from './command-table.ts';
import { program, programFor } from './program.ts';

test('the table calls every command by its name, and says what it does in one place', async (t) => {
  for (const { name, load } of commandTable) {
    const command = await load();
    t.is(command.name(), name);
    t.is(command.summary(), '', `the summary of ${name} is in command-table.ts`);
  }
});

test('a program for some arguments has the whole command that they give, and the names of the others', async (t) => {
  for (const args of [
    ['status', '--json'],
    ['--no-color', 'status'],
    ['help', 'status'],
  ]) {
    const { commands } = await programFor(args);
    t.deepEqual(
      commands.filter(({ options }) => options.length > 0).map((command) => command.name()),
      ['status'],
    );
    t.is(commands.length, commandTable.length);
  }
});

test('help lists the same commands, whether or not they are read', async (t) => {
  t.is((await programFor([])).helpInformation(), (await program()).helpInformation());
});
