import { Argument, Command } from 'commander';
import { completionScript, type Shell, shells } from '../completion/script.ts';

/** `weft completion`: a script for the shell. */
export function completionCommand(): Command {
  return new Command('completion')
    .description(
      'Prints a script that completes weft commands and options in a shell. To enable it in the current shell: eval "$(weft\n' +
        'completion bash)" or eval "$(weft completion zsh)" or weft completion fish | source.',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .action(async (shell: Shell) => {
      const { program } = await import('../program.ts');
      process.stdout.write(completionScript(await program(), shell));
    });
}
