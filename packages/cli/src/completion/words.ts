import type { Command } from 'commander';

/** A word that can complete one place of a command line. */
export interface Word {
  /** "--state" or "status". */
  readonly text: string;
  /** One line. */
  readonly description: string;
}

/** What may follow a command: "" for weft itself, "add service" for a subcommand. */
export interface Place {
  readonly path: string;
  /** Subcommands, and the choices of an argument. */
  readonly words: readonly Word[];
  readonly options: readonly Word[];
  /** Options that take a value, which the shell completes as a file. */
  readonly valued: readonly string[];
}

/** Every place of a command's tree, the command itself first. */
export function placesOf(command: Command, path: readonly string[] = []): readonly Place[] {
  const help = command.createHelp();
  const subcommands = help.visibleCommands(command);
  const options = help.visibleOptions(command);
  const words = subcommands.map((each) => ({ text: each.name(), description: help.subcommandDescription(each) }));
  const values = command.registeredArguments.flatMap(({ argChoices = [], description }) =>
    argChoices.map((text) => ({ text, description })),
  );
  const names = command.commands.map((each) => ({ text: each.name(), description: '' }));
  const place: Place = {
    path: path.join(' '),
    // After `help` comes the name of another command.
    words: [...words, ...values].filter(
      ({ text }, index, all) => all.findIndex((other) => other.text === text) === index,
    ),
    options: options.flatMap(({ long, short, description }) =>
      [long, short].flatMap((text) => (text ? [{ text, description }] : [])),
    ),
    valued: options.flatMap(({ long, short, required }) =>
      required ? [long, short].flatMap((text) => text ?? []) : [],
    ),
  };
  const below = command.commands.flatMap((each) => placesOf(each, [...path, each.name()]));
  const ofHelp = path.length === 0 ? [{ path: 'help', words: names, options: [], valued: [] }] : [];
  return [place, ...below, ...ofHelp];
}
