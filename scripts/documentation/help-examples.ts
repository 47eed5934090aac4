import type { Command } from 'commander';

/** Commands in the help of `command` and of all below it: those in backticks or `$(...)`, and those of a shell's completion. */
export function helpExamples(command: Command): readonly string[] {
  const texts = [
    command.description(),
    ...command.registeredArguments.map(({ description }) => description),
    ...command.options.map(({ description }) => description),
  ].join('\n');
  const found = texts.matchAll(/`(weft [^`]+)`|\$\((weft [^)]+)\)|(weft completion \w+)/g);
  return [
    ...new Set([
      ...[...found].map(([, code, substitution, completion]) => code ?? substitution ?? completion ?? ''),
      ...command.commands.flatMap(helpExamples),
    ]),
  ];
}
