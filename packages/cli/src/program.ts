import { Command } from 'commander';
import { type CommandEntry, commandTable } from './command-table.ts';
import { version } from './version.ts';

/** The weft command with all its subcommands. */
export function program(): Promise<Command> {
  return programOf(() => true);
}

/**
 * The weft command with only the subcommand that these arguments need. The others have just a name and a summary, because loading all of
 * them would dominate the time of a short command.
 */
export function programFor(args: readonly string[]): Promise<Command> {
  const operands = args.filter((arg) => !arg.startsWith('-'));
  const given = operands[0] === 'help' ? operands[1] : operands[0];
  return programOf(({ name }) => name === given);
}

async function programOf(isNeeded: (entry: CommandEntry) => boolean): Promise<Command> {
  const weft = new Command('weft')
    .description('Runs and explains a service mesh generated from its contracts.')
    .version(version)
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .showHelpAfterError('(see `weft --help`)')
    .exitOverride();
  for (const entry of commandTable) {
    const command = isNeeded(entry) ? await entry.load() : new Command(entry.name);
    weft.addCommand(adapted(command).summary(entry.summary));
  }
  return weft;
}

function adapted(command: Command): Command {
  // commander wraps a line for the terminal's width, and keeps the source's line breaks as well.
  command.description(command.description().replaceAll('\n', ' '));
  for (const subcommand of command.commands) adapted(subcommand);
  return command.exitOverride().showHelpAfterError('(see --help)');
}
