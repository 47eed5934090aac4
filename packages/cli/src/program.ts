import { Command } from 'commander';
import { checkCommand } from './commands/check.ts';
import { cleanCommand } from './commands/clean.ts';
import { compileCommand } from './commands/compile.ts';
import { contractCommand } from './commands/contract.ts';
import { devCommand } from './commands/dev.ts';
import { diffCommand } from './commands/diff.ts';
import { downCommand } from './commands/down.ts';
import { generateCommand } from './commands/generate.ts';
import { historyCommand } from './commands/history.ts';
import { startCommand, stopCommand } from './commands/hold.ts';
import { lintCommand } from './commands/lint.ts';
import { logsCommand } from './commands/logs.ts';
import { overrideCommand } from './commands/override.ts';
import { restartCommand } from './commands/restart.ts';
import { revertCommand } from './commands/revert.ts';
import { rotateRootCommand } from './commands/rotate-root.ts';
import { runCommand } from './commands/run.ts';
import { scaleCommand } from './commands/scale.ts';
import { statusCommand } from './commands/status.ts';
import { upCommand } from './commands/up.ts';
import { whyCommand } from './commands/why.ts';
import { version } from './version.ts';

/** The weft command with all its subcommands. */
export function program(): Command {
  const weft = new Command('weft')
    .description('Runs and explains a mesh that is made from its contracts.')
    .version(version)
    .showHelpAfterError('(`weft --help` shows what there is)')
    .exitOverride();
  const commands = [
    upCommand(),
    devCommand(),
    downCommand(),
    cleanCommand(),
    statusCommand(),
    checkCommand(),
    rotateRootCommand(),
    scaleCommand(),
    restartCommand(),
    runCommand(),
    stopCommand(),
    startCommand(),
    logsCommand(),
    generateCommand(),
    contractCommand(),
    compileCommand(),
    lintCommand(),
    overrideCommand(),
    diffCommand(),
    historyCommand(),
    whyCommand(),
    revertCommand(),
  ];
  for (const command of commands) {
    // commander wraps a line for the terminal's width, and keeps the source's line breaks as well.
    command.description(command.description().replaceAll('\n', ' '));
    weft.addCommand(command.exitOverride().showHelpAfterError('(see --help)'));
  }
  return weft;
}
